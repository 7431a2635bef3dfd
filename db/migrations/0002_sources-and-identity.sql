CREATE TABLE `authorized_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`service_account_id` text NOT NULL,
	`description` text,
	`key_algorithm` text NOT NULL,
	`public_key` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_used_at` integer,
	FOREIGN KEY (`service_account_id`) REFERENCES `service_accounts`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `authorized_keys_service_account` ON `authorized_keys` (`service_account_id`,`id`);--> statement-breakpoint
CREATE TABLE `federated_credentials` (
	`id` text PRIMARY KEY NOT NULL,
	`service_account_id` text NOT NULL,
	`federation_id` text NOT NULL,
	`external_subject_id` text NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`service_account_id`) REFERENCES `service_accounts`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`federation_id`) REFERENCES `federations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `federated_credentials_subject` ON `federated_credentials` (`federation_id`,`external_subject_id`);--> statement-breakpoint
CREATE INDEX `federated_credentials_service_account` ON `federated_credentials` (`service_account_id`,`id`);--> statement-breakpoint
CREATE TABLE `federations` (
	`id` text PRIMARY KEY NOT NULL,
	`folder_id` text NOT NULL,
	`cloud_id` text NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`labels` text,
	`enabled` integer NOT NULL,
	`issuer` text NOT NULL,
	`audiences` text NOT NULL,
	`jwks_url` text NOT NULL,
	`jwks` text,
	`jwks_read_at` integer,
	`jwks_asked_at` integer,
	`jwks_lease_until` integer,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`folder_id`) REFERENCES `folders`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `federations_name` ON `federations` (`folder_id`,`name`);--> statement-breakpoint
CREATE INDEX `federations_issuer` ON `federations` (`issuer`);--> statement-breakpoint
CREATE INDEX `federations_folder` ON `federations` (`folder_id`,`id`);--> statement-breakpoint
CREATE TABLE `iam_tokens` (
	`prefix` text PRIMARY KEY NOT NULL,
	`secret_hash` text NOT NULL,
	`service_account_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`service_account_id`) REFERENCES `service_accounts`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `iam_tokens_service_account` ON `iam_tokens` (`service_account_id`);--> statement-breakpoint
CREATE INDEX `iam_tokens_expiry` ON `iam_tokens` (`expires_at`);--> statement-breakpoint
CREATE TABLE `disks` (
	`id` text PRIMARY KEY NOT NULL,
	`folder_id` text NOT NULL,
	`cloud_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`labels` text,
	`status` text NOT NULL,
	`product_ids` text,
	`os_type` text,
	`nvidia_driver` text,
	`hardware_generation` text NOT NULL,
	`layer_id` text NOT NULL,
	`revision` integer NOT NULL,
	`type_id` text NOT NULL,
	`zone_id` text NOT NULL,
	`size_bytes` integer NOT NULL,
	`block_size_bytes` integer NOT NULL,
	`source_image_id` text,
	`source_snapshot_id` text,
	`top_layer_id` text,
	FOREIGN KEY (`layer_id`) REFERENCES `layers`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`top_layer_id`) REFERENCES `layers`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `disks_name` ON `disks` (`folder_id`,`name`) WHERE name <> '';--> statement-breakpoint
CREATE INDEX `disks_by_id` ON `disks` (`folder_id`,`id`);--> statement-breakpoint
CREATE INDEX `disks_by_created_at` ON `disks` (`folder_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `disks_by_name` ON `disks` (`folder_id`,`name`,`id`);--> statement-breakpoint
CREATE INDEX `disks_by_status` ON `disks` (`folder_id`,`status`,`id`);--> statement-breakpoint
CREATE INDEX `disks_layer` ON `disks` (`layer_id`);--> statement-breakpoint
CREATE INDEX `disks_top_layer` ON `disks` (`top_layer_id`) WHERE top_layer_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `disks_source_image` ON `disks` (`source_image_id`) WHERE status = 'CREATING';--> statement-breakpoint
CREATE INDEX `disks_source_snapshot` ON `disks` (`source_snapshot_id`) WHERE status = 'CREATING';--> statement-breakpoint
CREATE TABLE `snapshots` (
	`id` text PRIMARY KEY NOT NULL,
	`folder_id` text NOT NULL,
	`cloud_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`labels` text,
	`status` text NOT NULL,
	`product_ids` text,
	`os_type` text,
	`nvidia_driver` text,
	`hardware_generation` text NOT NULL,
	`layer_id` text NOT NULL,
	`revision` integer NOT NULL,
	`storage_size_bytes` integer NOT NULL,
	`disk_size_bytes` integer NOT NULL,
	`source_disk_id` text NOT NULL,
	FOREIGN KEY (`layer_id`) REFERENCES `layers`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `snapshots_name` ON `snapshots` (`folder_id`,`name`) WHERE name <> '';--> statement-breakpoint
CREATE INDEX `snapshots_by_id` ON `snapshots` (`folder_id`,`id`);--> statement-breakpoint
CREATE INDEX `snapshots_by_created_at` ON `snapshots` (`folder_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `snapshots_by_name` ON `snapshots` (`folder_id`,`name`,`id`);--> statement-breakpoint
CREATE INDEX `snapshots_by_status` ON `snapshots` (`folder_id`,`status`,`id`);--> statement-breakpoint
CREATE INDEX `snapshots_layer` ON `snapshots` (`layer_id`);--> statement-breakpoint
CREATE INDEX `snapshots_disk` ON `snapshots` (`source_disk_id`);--> statement-breakpoint
CREATE TABLE `quota_request_items` (
	`request_id` text NOT NULL,
	`quota_id` text NOT NULL,
	`position` integer NOT NULL,
	`desired_limit` real NOT NULL,
	`approved_limit` real,
	`status` text NOT NULL,
	`message` text,
	`modified_by` text,
	PRIMARY KEY(`request_id`, `quota_id`),
	FOREIGN KEY (`request_id`) REFERENCES `quota_requests`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `quota_requests` (
	`id` text PRIMARY KEY NOT NULL,
	`cloud_id` text NOT NULL,
	`operation_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`created_by` text NOT NULL,
	`status` text NOT NULL,
	`revision` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `quota_requests_cloud` ON `quota_requests` (`cloud_id`,`id`);--> statement-breakpoint
ALTER TABLE `folders` ADD `status` text DEFAULT 'ACTIVE' NOT NULL;--> statement-breakpoint
ALTER TABLE `folders` ADD `delete_at` integer;--> statement-breakpoint
ALTER TABLE `folders` ADD `deletion_id` text;--> statement-breakpoint
CREATE INDEX `folders_deletion` ON `folders` (`delete_at`) WHERE status = 'PENDING_DELETION';--> statement-breakpoint
ALTER TABLE `service_accounts` ADD `suspended_at` integer;--> statement-breakpoint
ALTER TABLE `service_accounts` ADD `last_authenticated_at` integer;--> statement-breakpoint
ALTER TABLE `layers` ADD `copy_of` text;--> statement-breakpoint
CREATE INDEX `layers_digest` ON `layers` (`digest`) WHERE digest IS NOT NULL;--> statement-breakpoint
CREATE INDEX `layers_copies` ON `layers` (`copy_of`) WHERE copy_of IS NOT NULL;--> statement-breakpoint
ALTER TABLE `uploads` ADD `source_uri` text;--> statement-breakpoint
ALTER TABLE `uploads` ADD `source_version` text;--> statement-breakpoint
ALTER TABLE `jobs` ADD `operation_id` text;