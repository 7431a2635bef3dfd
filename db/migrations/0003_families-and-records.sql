CREATE TABLE `families` (
	`folder_id` text NOT NULL,
	`cloud_id` text NOT NULL,
	`family` text NOT NULL,
	`action` text,
	`keep_last` integer,
	`keep_within_ms` integer,
	`min_age_ms` integer,
	`include_public` integer DEFAULT false NOT NULL,
	`next_run_at` integer,
	`announced_image_id` text,
	`revision` integer NOT NULL,
	PRIMARY KEY(`folder_id`, `family`)
);
--> statement-breakpoint
CREATE INDEX `families_due` ON `families` (`next_run_at`) WHERE next_run_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `promotions` (
	`sequence` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`folder_id` text NOT NULL,
	`family` text NOT NULL,
	`image_id` text NOT NULL,
	`from_image_id` text,
	`promoted_at` integer NOT NULL,
	`promoted_by` text NOT NULL,
	`note` text
);
--> statement-breakpoint
CREATE INDEX `promotions_family` ON `promotions` (`folder_id`,`family`,`sequence`);--> statement-breakpoint
CREATE TABLE `deleted_images` (
	`id` text PRIMARY KEY NOT NULL,
	`folder_id` text NOT NULL,
	`cloud_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`labels` text,
	`family` text NOT NULL,
	`status` text NOT NULL,
	`size_bytes` integer,
	`storage_size` integer,
	`min_disk_size` integer,
	`smallest_disk_size` integer,
	`product_ids` text,
	`os_type` text,
	`nvidia_driver` text,
	`pooled` integer NOT NULL,
	`hardware_generation` text,
	`architecture` text,
	`layer_id` text,
	`source` text NOT NULL,
	`promoted_at` integer NOT NULL,
	`candidate` integer DEFAULT false NOT NULL,
	`deprecate_at` integer,
	`obsolete_at` integer,
	`delete_at` integer,
	`replacement_image_id` text,
	`deprecation_message` text,
	`passed_over` integer DEFAULT false NOT NULL,
	`delete_protection` integer DEFAULT false NOT NULL,
	`revision` integer NOT NULL,
	`deleted_at` integer NOT NULL,
	`deleted_by` text NOT NULL,
	`reason` text NOT NULL,
	`purge_at` integer NOT NULL,
	`purged_at` integer,
	`digest` text,
	`inspection` text,
	FOREIGN KEY (`layer_id`) REFERENCES `layers`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `deleted_images_by_id` ON `deleted_images` (`folder_id`,`id`) WHERE purged_at IS NULL;--> statement-breakpoint
CREATE INDEX `deleted_images_by_created_at` ON `deleted_images` (`folder_id`,`created_at`,`id`) WHERE purged_at IS NULL;--> statement-breakpoint
CREATE INDEX `deleted_images_by_name` ON `deleted_images` (`folder_id`,`name`,`id`) WHERE purged_at IS NULL;--> statement-breakpoint
CREATE INDEX `deleted_images_by_family` ON `deleted_images` (`folder_id`,`family`,`id`) WHERE purged_at IS NULL;--> statement-breakpoint
CREATE INDEX `deleted_images_cloud` ON `deleted_images` (`cloud_id`) WHERE purged_at IS NULL;--> statement-breakpoint
CREATE INDEX `deleted_images_purge` ON `deleted_images` (`purge_at`) WHERE purged_at IS NULL;--> statement-breakpoint
CREATE INDEX `deleted_images_purged` ON `deleted_images` (`purged_at`) WHERE purged_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `deleted_images_layer` ON `deleted_images` (`layer_id`) WHERE layer_id IS NOT NULL;--> statement-breakpoint
CREATE TABLE `leases` (
	`id` text PRIMARY KEY NOT NULL,
	`image_id` text NOT NULL,
	`holder` text NOT NULL,
	`created_at` integer NOT NULL,
	`created_by` text NOT NULL,
	`renewed_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `leases_holder` ON `leases` (`image_id`,`holder`);--> statement-breakpoint
CREATE INDEX `leases_expiry` ON `leases` (`expires_at`);--> statement-breakpoint
CREATE TABLE `audit_events` (
	`sequence` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`at` integer NOT NULL,
	`actor_id` text NOT NULL,
	`action` text NOT NULL,
	`resource_kind` text NOT NULL,
	`resource_id` text NOT NULL,
	`folder_id` text,
	`cloud_id` text,
	`request_id` text NOT NULL,
	`operation_id` text,
	`before` text,
	`after` text
);
--> statement-breakpoint
CREATE INDEX `audit_events_folder` ON `audit_events` (`folder_id`,`at`);--> statement-breakpoint
CREATE INDEX `audit_events_resource` ON `audit_events` (`resource_id`,`at`);--> statement-breakpoint
CREATE INDEX `audit_events_age` ON `audit_events` (`at`);--> statement-breakpoint
CREATE TABLE `duty_states` (
	`duty` text PRIMARY KEY NOT NULL,
	`cursor` text,
	`lease_id` text,
	`lease_until` integer,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `maintenance_runs` (
	`sequence` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`duty` text NOT NULL,
	`dry_run` integer NOT NULL,
	`started_at` integer NOT NULL,
	`ended_at` integer,
	`started_by` text,
	`done` integer NOT NULL,
	`more` integer NOT NULL,
	`error` text,
	`report` text
);
--> statement-breakpoint
CREATE INDEX `maintenance_runs_age` ON `maintenance_runs` (`started_at`);--> statement-breakpoint
CREATE INDEX `maintenance_runs_duty` ON `maintenance_runs` (`duty`,`sequence`);--> statement-breakpoint
CREATE TABLE `webhook_deliveries` (
	`id` text PRIMARY KEY NOT NULL,
	`webhook_id` text NOT NULL,
	`event_id` text NOT NULL,
	`type` text NOT NULL,
	`payload` text NOT NULL,
	`status` text NOT NULL,
	`created_at` integer NOT NULL,
	`attempts` integer NOT NULL,
	`last_attempt_at` integer,
	`last_status` integer,
	`last_error` text,
	FOREIGN KEY (`webhook_id`) REFERENCES `webhooks`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `webhook_deliveries_webhook` ON `webhook_deliveries` (`webhook_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_deliveries_pending` ON `webhook_deliveries` (`webhook_id`) WHERE status = 'PENDING';--> statement-breakpoint
CREATE INDEX `webhook_deliveries_age` ON `webhook_deliveries` (`created_at`) WHERE status <> 'PENDING';--> statement-breakpoint
CREATE TABLE `webhooks` (
	`id` text PRIMARY KEY NOT NULL,
	`folder_id` text NOT NULL,
	`cloud_id` text NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`url` text NOT NULL,
	`secret` text NOT NULL,
	`previous_secret` text,
	`previous_secret_until` integer,
	`events` text NOT NULL,
	`enabled` integer NOT NULL,
	`created_at` integer NOT NULL,
	`revision` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `webhooks_folder` ON `webhooks` (`folder_id`,`id`);--> statement-breakpoint
DROP INDEX `images_latest`;--> statement-breakpoint
ALTER TABLE `images` ADD `candidate` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `images` ADD `deprecate_at` integer;--> statement-breakpoint
ALTER TABLE `images` ADD `obsolete_at` integer;--> statement-breakpoint
ALTER TABLE `images` ADD `delete_at` integer;--> statement-breakpoint
ALTER TABLE `images` ADD `replacement_image_id` text;--> statement-breakpoint
ALTER TABLE `images` ADD `deprecation_message` text;--> statement-breakpoint
ALTER TABLE `images` ADD `passed_over` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `images` ADD `delete_protection` integer DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX `images_standing` ON `images` (`folder_id`,`family`,`promoted_at`,`created_at`,`id`) WHERE family <> '';--> statement-breakpoint
CREATE INDEX `images_deprecation` ON `images` (`deprecate_at`) WHERE deprecate_at IS NOT NULL AND passed_over = 0;--> statement-breakpoint
CREATE INDEX `images_obsolescence` ON `images` (`obsolete_at`) WHERE obsolete_at IS NOT NULL AND passed_over = 0;--> statement-breakpoint
CREATE INDEX `images_deletion` ON `images` (`delete_at`) WHERE delete_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `images_replacement` ON `images` (`replacement_image_id`) WHERE replacement_image_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `images_latest` ON `images` (`folder_id`,`family`,`promoted_at`,`created_at`,`id`) WHERE family <> '' AND status = 'READY' AND passed_over = 0;--> statement-breakpoint
ALTER TABLE `operations` ADD `deadline_at` integer;--> statement-breakpoint
CREATE INDEX `operations_deadline` ON `operations` (`deadline_at`) WHERE done = 0 AND deadline_at IS NOT NULL;