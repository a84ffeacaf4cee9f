ALTER TABLE `audit_log` ADD `previous` text;--> statement-breakpoint
CREATE UNIQUE INDEX `audit_log_previous_unique` ON `audit_log` (`previous`);--> statement-breakpoint
ALTER TABLE `device_groups` ADD `name_key` text;--> statement-breakpoint
UPDATE `device_groups` SET `name_key` = folded_name(`name`) WHERE NOT EXISTS (SELECT 1 FROM `device_groups` o WHERE o.`id` < `device_groups`.`id` AND folded_name(o.`name`) = folded_name(`device_groups`.`name`));--> statement-breakpoint
CREATE UNIQUE INDEX `device_groups_name_key_unique` ON `device_groups` (`name_key`);--> statement-breakpoint
ALTER TABLE `installers` ADD `is_duplicate` integer DEFAULT false NOT NULL;--> statement-breakpoint
UPDATE `installers` SET `is_duplicate` = 1 WHERE EXISTS (SELECT 1 FROM `installers` o WHERE o.`software_id` = `installers`.`software_id` AND o.`platform` = `installers`.`platform` AND o.`arch` = `installers`.`arch` AND o.`id` < `installers`.`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `installers_place` ON `installers` (`software_id`,`platform`,`arch`) WHERE is_duplicate = 0;--> statement-breakpoint
ALTER TABLE `users` ADD `name_key` text;--> statement-breakpoint
UPDATE `users` SET `name_key` = folded_name(`username`) WHERE NOT EXISTS (SELECT 1 FROM `users` o WHERE o.`id` < `users`.`id` AND folded_name(o.`username`) = folded_name(`users`.`username`));--> statement-breakpoint
CREATE UNIQUE INDEX `users_name_key_unique` ON `users` (`name_key`);--> statement-breakpoint
UPDATE `deployment_attempts` SET `ended_at` = `created_at`, `status` = 'failed', `reason` = 'interrupted', `message` = 'Another attempt took its place.' WHERE `ended_at` IS NULL AND `attempt_id` <> (SELECT o.`attempt_id` FROM `deployment_attempts` o JOIN `deployment_targets` t ON t.`id` = o.`target_id` WHERE o.`target_id` = `deployment_attempts`.`target_id` AND o.`ended_at` IS NULL ORDER BY (o.`attempt_id` = t.`attempt_id`) DESC, o.`attempt` DESC, o.`attempt_id` LIMIT 1);--> statement-breakpoint
CREATE UNIQUE INDEX `deployment_attempts_live` ON `deployment_attempts` (`target_id`) WHERE ended_at is null;--> statement-breakpoint
UPDATE `deployment_targets` SET `offered_at_ms` = NULL WHERE `offered_at_ms` IS NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `deployment_targets_offered` ON `deployment_targets` (`device_id`) WHERE deployment_status = 'pending' and offered_at_ms is not null;--> statement-breakpoint
CREATE INDEX `deployments_restarting` ON `deployments` (`reboot`) WHERE reboot = 'if_needed' and canceling = 0 and restarts_canceled = 0 and status <> 'canceled';
