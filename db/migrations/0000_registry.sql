CREATE TABLE `access_bindings` (
	`resource_kind` text NOT NULL,
	`resource_id` text NOT NULL,
	`subject_type` text NOT NULL,
	`subject_id` text NOT NULL,
	`role_id` text NOT NULL,
	PRIMARY KEY(`resource_kind`, `resource_id`, `subject_type`, `subject_id`, `role_id`)
);
--> statement-breakpoint
CREATE INDEX `access_bindings_subject` ON `access_bindings` (`subject_type`,`subject_id`);--> statement-breakpoint
CREATE TABLE `api_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`service_account_id` text NOT NULL,
	`prefix` text NOT NULL,
	`secret_hash` text NOT NULL,
	`masked_secret` text NOT NULL,
	`description` text,
	`scopes` text,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`last_used_at` integer,
	FOREIGN KEY (`service_account_id`) REFERENCES `service_accounts`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_prefix` ON `api_keys` (`prefix`);--> statement-breakpoint
CREATE INDEX `api_keys_service_account` ON `api_keys` (`service_account_id`,`id`);--> statement-breakpoint
CREATE TABLE `clouds` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`labels` text,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `folders` (
	`id` text PRIMARY KEY NOT NULL,
	`cloud_id` text NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`labels` text,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`cloud_id`) REFERENCES `clouds`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `folders_name` ON `folders` (`cloud_id`,`name`);--> statement-breakpoint
CREATE TABLE `service_accounts` (
	`id` text PRIMARY KEY NOT NULL,
	`folder_id` text NOT NULL,
	`cloud_id` text NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`labels` text,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`folder_id`) REFERENCES `folders`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `service_accounts_name` ON `service_accounts` (`cloud_id`,`name`);--> statement-breakpoint
CREATE INDEX `service_accounts_folder` ON `service_accounts` (`folder_id`,`id`);--> statement-breakpoint
CREATE TABLE `images` (
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
	`layer_id` text NOT NULL,
	`source` text NOT NULL,
	`promoted_at` integer NOT NULL,
	`revision` integer NOT NULL,
	FOREIGN KEY (`layer_id`) REFERENCES `layers`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `images_name` ON `images` (`folder_id`,`name`) WHERE name <> '';--> statement-breakpoint
CREATE INDEX `images_by_id` ON `images` (`folder_id`,`id`);--> statement-breakpoint
CREATE INDEX `images_by_created_at` ON `images` (`folder_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `images_by_name` ON `images` (`folder_id`,`name`,`id`);--> statement-breakpoint
CREATE INDEX `images_by_family` ON `images` (`folder_id`,`family`,`id`);--> statement-breakpoint
CREATE INDEX `images_by_status` ON `images` (`folder_id`,`status`,`id`);--> statement-breakpoint
CREATE INDEX `images_latest` ON `images` (`folder_id`,`family`,`promoted_at`,`created_at`,`id`) WHERE family <> '' AND status = 'READY';--> statement-breakpoint
CREATE INDEX `images_layer` ON `images` (`layer_id`);--> statement-breakpoint
CREATE TABLE `layers` (
	`id` text PRIMARY KEY NOT NULL,
	`object_key` text NOT NULL,
	`state` text NOT NULL,
	`size_bytes` integer NOT NULL,
	`etag` text,
	`digest` text,
	`inspection` text,
	`created_at` integer NOT NULL,
	`unnamed_at` integer
);
--> statement-breakpoint
CREATE INDEX `layers_unnamed` ON `layers` (`unnamed_at`) WHERE unnamed_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `quotas` (
	`cloud_id` text NOT NULL,
	`quota_id` text NOT NULL,
	`limit` integer NOT NULL,
	`usage` integer NOT NULL,
	CONSTRAINT "quotas_usage" CHECK(usage >= 0)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `quotas_key` ON `quotas` (`cloud_id`,`quota_id`);--> statement-breakpoint
CREATE TABLE `uploads` (
	`image_id` text PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`layer_id` text NOT NULL,
	`operation_id` text NOT NULL,
	`state` text NOT NULL,
	`size_bytes` integer NOT NULL,
	`part_size_bytes` integer NOT NULL,
	`part_count` integer NOT NULL,
	`sha256` text,
	`declared_format` text,
	`file_name` text,
	`store_upload_id` text,
	`parts` text,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `uploads_expiry` ON `uploads` (`expires_at`) WHERE state = 'OPEN';--> statement-breakpoint
CREATE TABLE `guards` (
	`holds` integer NOT NULL,
	CONSTRAINT "guards_hold" CHECK(holds = 1)
);
--> statement-breakpoint
CREATE TABLE `idempotency_keys` (
	`caller_id` text NOT NULL,
	`key` text NOT NULL,
	`fingerprint` text NOT NULL,
	`operation_id` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`caller_id`, `key`)
);
--> statement-breakpoint
CREATE INDEX `idempotency_keys_age` ON `idempotency_keys` (`created_at`);--> statement-breakpoint
CREATE TABLE `jobs` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`subject_id` text NOT NULL,
	`state` text NOT NULL,
	`cursor` text,
	`run_after` integer NOT NULL,
	`lease_id` text,
	`lease_until` integer,
	`attempts` integer NOT NULL,
	`last_error` text,
	`request_id` text,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `jobs_due` ON `jobs` (`run_after`) WHERE state <> 'DEAD';--> statement-breakpoint
CREATE TABLE `operations` (
	`sequence` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`kind` text NOT NULL,
	`description` text NOT NULL,
	`resource_kind` text NOT NULL,
	`resource_id` text NOT NULL,
	`folder_id` text,
	`cloud_id` text,
	`created_at` integer NOT NULL,
	`created_by` text NOT NULL,
	`modified_at` integer NOT NULL,
	`done` integer NOT NULL,
	`stage` text,
	`bytes_done` integer,
	`bytes_total` integer,
	`metadata` text NOT NULL,
	`response` text,
	`error` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `operations_id` ON `operations` (`id`);--> statement-breakpoint
CREATE INDEX `operations_resource` ON `operations` (`resource_kind`,`resource_id`,`sequence`);--> statement-breakpoint
CREATE INDEX `operations_folder` ON `operations` (`folder_id`,`sequence`);--> statement-breakpoint
CREATE INDEX `operations_active` ON `operations` (`folder_id`) WHERE done = 0 AND stage <> 'AWAITING_UPLOAD';--> statement-breakpoint
CREATE INDEX `operations_ended` ON `operations` (`modified_at`) WHERE done = 1;