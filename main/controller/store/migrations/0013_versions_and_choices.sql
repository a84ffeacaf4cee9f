ALTER TABLE `deployments` ADD `created_by_name` text;--> statement-breakpoint
ALTER TABLE `deployments` ADD `chosen` text;--> statement-breakpoint
ALTER TABLE `device_groups` ADD `version` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `devices` ADD `reported_name` text;--> statement-breakpoint
ALTER TABLE `devices` ADD `name_given` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `devices` ADD `replaced_by` integer REFERENCES devices(id);--> statement-breakpoint
ALTER TABLE `devices` ADD `kept_beside` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `enrollments` ADD `created_by_name` text;--> statement-breakpoint
ALTER TABLE `installers` ADD `uploaded_as` text;--> statement-breakpoint
ALTER TABLE `software` ADD `created_by_name` text;--> statement-breakpoint
ALTER TABLE `software` ADD `revision` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `users` ADD `version` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
CREATE INDEX `device_hardware_owner` ON `device_hardware` (`standing`,`hardware_id`,`device_id`);--> statement-breakpoint
UPDATE `deployments` SET `created_by_name` = (SELECT `actor` FROM `audit_log` WHERE `action` = 'deployment.create' AND `deployment_id` = `deployments`.`id` ORDER BY `id` LIMIT 1) WHERE `created_by` IS NULL;--> statement-breakpoint
UPDATE `devices` SET `name_given` = 1 WHERE EXISTS (SELECT 1 FROM `audit_log` WHERE `action` = 'device.rename' AND `device_id` = `devices`.`id`);
