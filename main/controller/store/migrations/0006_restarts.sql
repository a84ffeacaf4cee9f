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
ALTER TABLE `deployment_targets` ADD `restart_id` text;--> statement-breakpoint
CREATE INDEX `deployment_targets_reboot` ON `deployment_targets` (`deployment_id`,`device_id`) WHERE reason = 'reboot_pending' and restart_id is null;--> statement-breakpoint
CREATE INDEX `deployment_targets_restart` ON `deployment_targets` (`restart_id`) WHERE restart_id is not null;--> statement-breakpoint
ALTER TABLE `deployments` ADD `reboot` text DEFAULT 'never' NOT NULL;--> statement-breakpoint
ALTER TABLE `deployments` ADD `reboot_delay_minutes` integer DEFAULT 10 NOT NULL;--> statement-breakpoint
ALTER TABLE `deployments` ADD `restarts_canceled` integer DEFAULT false NOT NULL;