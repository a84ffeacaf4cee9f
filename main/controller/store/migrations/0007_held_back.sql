ALTER TABLE `deployment_targets` ADD `held_by` text;--> statement-breakpoint
ALTER TABLE `deployment_targets` ADD `held_since_ms` integer;