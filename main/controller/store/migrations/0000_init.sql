CREATE TABLE `audit_log` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`at` text NOT NULL,
	`actor_id` integer,
	`actor` text NOT NULL,
	`action` text NOT NULL,
	`subject` text NOT NULL,
	`details` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `attempt_outputs` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`attempt_id` text NOT NULL,
	`seq` integer NOT NULL,
	`part` text NOT NULL,
	`size_bytes` integer NOT NULL,
	`text` text NOT NULL,
	FOREIGN KEY (`attempt_id`) REFERENCES `deployment_attempts`(`attempt_id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `attempt_outputs_seq` ON `attempt_outputs` (`attempt_id`,`seq`);--> statement-breakpoint
CREATE TABLE `deployment_attempts` (
	`attempt_id` text PRIMARY KEY NOT NULL,
	`target_id` integer NOT NULL,
	`attempt` integer NOT NULL,
	`created_at` text NOT NULL,
	`ended_at` text,
	`status` text,
	`reason` text,
	`message` text,
	`exit_code` integer,
	`output_head_bytes` integer DEFAULT 0 NOT NULL,
	`output_tail_bytes` integer DEFAULT 0 NOT NULL,
	`output_omitted_bytes` integer DEFAULT 0 NOT NULL,
	`output_last_seq` integer DEFAULT 0 NOT NULL,
	FOREIGN KEY (`target_id`) REFERENCES `deployment_targets`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `deployment_attempts_target` ON `deployment_attempts` (`target_id`);--> statement-breakpoint
CREATE TABLE `deployment_targets` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`deployment_id` integer NOT NULL,
	`device_id` integer NOT NULL,
	`software_id` integer NOT NULL,
	`installer_id` integer,
	`position` integer NOT NULL,
	`deployment_status` text NOT NULL,
	`reason` text,
	`attempt` integer DEFAULT 1 NOT NULL,
	`attempt_id` text,
	`result_message` text,
	`error_details` text,
	`exit_code` integer,
	`bytes` integer,
	`total_bytes` integer,
	`started_at` text,
	`completed_at` text,
	`since` text NOT NULL,
	`offered_at_ms` integer,
	`not_before_ms` integer,
	`deadline_ms` integer,
	FOREIGN KEY (`deployment_id`) REFERENCES `deployments`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`device_id`) REFERENCES `devices`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`software_id`) REFERENCES `software`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`installer_id`) REFERENCES `installers`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `deployment_targets_state` ON `deployment_targets` (`deployment_id`,`deployment_status`);--> statement-breakpoint
CREATE INDEX `deployment_targets_device` ON `deployment_targets` (`device_id`,`deployment_status`);--> statement-breakpoint
CREATE UNIQUE INDEX `deployment_targets_once` ON `deployment_targets` (`deployment_id`,`device_id`,`software_id`);--> statement-breakpoint
CREATE TABLE `deployments` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`status` text NOT NULL,
	`created_by` integer,
	`created_at` text NOT NULL,
	`started_at` text,
	`ended_at` text,
	`action` text NOT NULL,
	`strategy_type` text NOT NULL,
	`max_concurrent` integer NOT NULL,
	`offline_policy` text NOT NULL,
	`wait_minutes` integer NOT NULL,
	`timeout_seconds` integer,
	`paused` integer DEFAULT false NOT NULL,
	`pause_reason` text,
	`canceling` integer DEFAULT false NOT NULL,
	`software_names` text NOT NULL,
	`device_count` integer NOT NULL,
	`pending` integer DEFAULT 0 NOT NULL,
	`downloading` integer DEFAULT 0 NOT NULL,
	`installing` integer DEFAULT 0 NOT NULL,
	`completed` integer DEFAULT 0 NOT NULL,
	`failed` integer DEFAULT 0 NOT NULL,
	`skipped` integer DEFAULT 0 NOT NULL,
	FOREIGN KEY (`created_by`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
CREATE INDEX `deployments_status` ON `deployments` (`status`);--> statement-breakpoint
CREATE TABLE `device_group_members` (
	`group_id` integer NOT NULL,
	`device_id` integer NOT NULL,
	PRIMARY KEY(`group_id`, `device_id`),
	FOREIGN KEY (`group_id`) REFERENCES `device_groups`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`device_id`) REFERENCES `devices`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `device_group_members_device` ON `device_group_members` (`device_id`);--> statement-breakpoint
CREATE TABLE `device_groups` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`owner_id` integer,
	`created_at` text NOT NULL,
	FOREIGN KEY (`owner_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
CREATE UNIQUE INDEX `device_groups_name_unique` ON `device_groups` (`name`);--> statement-breakpoint
CREATE TABLE `devices` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`platform` text NOT NULL,
	`arch` text NOT NULL,
	`os_version` text NOT NULL,
	`agent_version` text NOT NULL,
	`public_key` text NOT NULL,
	`owner_id` integer,
	`enrollment_id` integer,
	`approved` integer NOT NULL,
	`blocked` integer DEFAULT false NOT NULL,
	`address` text,
	`free_disk_bytes` integer,
	`last_sequence` integer DEFAULT 0 NOT NULL,
	`enrolled_at` text NOT NULL,
	`last_seen_at` text,
	`deleted_at` text,
	FOREIGN KEY (`owner_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`enrollment_id`) REFERENCES `enrollments`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
CREATE UNIQUE INDEX `devices_public_key_unique` ON `devices` (`public_key`);--> statement-breakpoint
CREATE TABLE `enrollments` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`secret_hash` text NOT NULL,
	`max_uses` integer NOT NULL,
	`uses` integer DEFAULT 0 NOT NULL,
	`group_ids` text NOT NULL,
	`created_by` integer,
	`created_at` text NOT NULL,
	`expires_at` text NOT NULL,
	`revoked_at` text,
	FOREIGN KEY (`created_by`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
CREATE UNIQUE INDEX `enrollments_secret_hash_unique` ON `enrollments` (`secret_hash`);--> statement-breakpoint
CREATE TABLE `contents` (
	`sha256` text PRIMARY KEY NOT NULL,
	`size_bytes` integer NOT NULL,
	`chunk_hashes` blob NOT NULL,
	`created_at` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `installers` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`software_id` integer NOT NULL,
	`platform` text NOT NULL,
	`arch` text NOT NULL,
	`kind` text NOT NULL,
	`file_name` text NOT NULL,
	`install_args` text NOT NULL,
	`timeout_seconds` integer NOT NULL,
	`success_exit_codes` text NOT NULL,
	`detection` text,
	`sha256` text,
	`size_bytes` integer,
	`source_url` text,
	`source_sha256` text,
	`fetch_state` text NOT NULL,
	`fetch_reason` text,
	`fetch_message` text,
	FOREIGN KEY (`software_id`) REFERENCES `software`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`sha256`) REFERENCES `contents`(`sha256`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `installers_software` ON `installers` (`software_id`);--> statement-breakpoint
CREATE INDEX `installers_sha256` ON `installers` (`sha256`);--> statement-breakpoint
CREATE TABLE `software` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`version` text NOT NULL,
	`publisher` text NOT NULL,
	`origin` text NOT NULL,
	`owner_id` integer,
	`created_at` text NOT NULL,
	`deleted_at` text,
	FOREIGN KEY (`owner_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
CREATE TABLE `sessions` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` integer NOT NULL,
	`refresh_hash` text NOT NULL,
	`created_at` text NOT NULL,
	`expires_at` text NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `sessions_refresh_hash_unique` ON `sessions` (`refresh_hash`);--> statement-breakpoint
CREATE TABLE `users` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`username` text NOT NULL,
	`password_hash` text NOT NULL,
	`role` text NOT NULL,
	`created_at` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_username_unique` ON `users` (`username`);