ALTER TABLE `deployment_targets` ADD `wave` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `deployment_targets` ADD `retry_until_ms` integer;--> statement-breakpoint
ALTER TABLE `deployments` ADD `strategy` text DEFAULT '{"max_concurrent":50}' NOT NULL;--> statement-breakpoint
ALTER TABLE `deployments` ADD `wave_count` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `deployments` ADD `wave` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `deployments` ADD `wave_ended_at_ms` integer;--> statement-breakpoint
ALTER TABLE `deployments` ADD `ready_since_ms` integer;--> statement-breakpoint
ALTER TABLE `deployments` ADD `round_completed` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `deployments` ADD `round_failed` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `deployments` ADD `scheduled_at` text;--> statement-breakpoint
ALTER TABLE `deployments` ADD `maintenance_window` text;--> statement-breakpoint
ALTER TABLE `deployments` ADD `pause_message` text;--> statement-breakpoint
ALTER TABLE `software` ADD `depends_on` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
UPDATE `deployments` SET `strategy` = json_object('max_concurrent', `max_concurrent`), `wave` = CASE `status` WHEN 'pending' THEN 0 ELSE 1 END;--> statement-breakpoint
ALTER TABLE `deployments` DROP COLUMN `max_concurrent`;
