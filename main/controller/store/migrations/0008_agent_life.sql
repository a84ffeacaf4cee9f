CREATE TABLE `agent_updates` (
	`device_id` integer PRIMARY KEY NOT NULL,
	`version` text NOT NULL,
	`sequence` integer NOT NULL,
	`state` text NOT NULL,
	`message` text DEFAULT '' NOT NULL,
	`tries` integer NOT NULL,
	`changed_at_ms` integer NOT NULL,
	`not_before_ms` integer DEFAULT 0 NOT NULL,
	FOREIGN KEY (`device_id`) REFERENCES `devices`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `device_restarts` (
	`restart_id` text PRIMARY KEY NOT NULL,
	`deployment_id` integer NOT NULL,
	`device_id` integer NOT NULL,
	`round` integer NOT NULL,
	`state` text NOT NULL,
	`reason` text,
	`message` text,
	`boot_id` text,
	`calling_off` text,
	`created_at` text NOT NULL,
	`since` text NOT NULL,
	`ready_since_ms` integer,
	`not_before_ms` integer,
	`ordered_at_ms` integer,
	`due_at_ms` integer,
	FOREIGN KEY (`deployment_id`) REFERENCES `deployments`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`device_id`) REFERENCES `devices`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `device_restarts_once` ON `device_restarts` (`deployment_id`,`device_id`,`round`);--> statement-breakpoint
CREATE INDEX `device_restarts_open` ON `device_restarts` (`state`) WHERE state in ('owed', 'ordered', 'announced');--> statement-breakpoint
CREATE TABLE `device_inventory` (
	`device_id` integer PRIMARY KEY NOT NULL,
	`hash` text NOT NULL,
	`sections` text NOT NULL,
	`has_software` integer NOT NULL,
	`collected_at` text NOT NULL,
	`changed_at` text NOT NULL,
	FOREIGN KEY (`device_id`) REFERENCES `devices`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `device_software` (
	`device_id` integer NOT NULL,
	`title_id` integer NOT NULL,
	`installed_on` text,
	PRIMARY KEY(`device_id`, `title_id`),
	FOREIGN KEY (`device_id`) REFERENCES `devices`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`title_id`) REFERENCES `software_titles`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `device_software_title` ON `device_software` (`title_id`);--> statement-breakpoint
CREATE TABLE `software_titles` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`entry` text NOT NULL,
	`name` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `software_titles_entry_unique` ON `software_titles` (`entry`);--> statement-breakpoint
ALTER TABLE `deployment_targets` ADD `restart_id` text;--> statement-breakpoint
CREATE INDEX `deployment_targets_reboot` ON `deployment_targets` (`deployment_id`,`device_id`) WHERE reason = 'reboot_pending' and restart_id is null;--> statement-breakpoint
CREATE INDEX `deployment_targets_restart` ON `deployment_targets` (`restart_id`) WHERE restart_id is not null;--> statement-breakpoint
ALTER TABLE `deployments` ADD `reboot` text DEFAULT 'never' NOT NULL;--> statement-breakpoint
ALTER TABLE `deployments` ADD `reboot_delay_minutes` integer DEFAULT 10 NOT NULL;--> statement-breakpoint
ALTER TABLE `deployments` ADD `restarts_canceled` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `devices` ADD `reboot_pending` integer;--> statement-breakpoint
ALTER TABLE `devices` ADD `inventory_at` text;--> statement-breakpoint
ALTER TABLE `installers` ADD `archive` text;