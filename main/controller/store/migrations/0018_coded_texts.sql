ALTER TABLE `deployment_attempts` ADD `result_code` text;--> statement-breakpoint
ALTER TABLE `deployment_attempts` ADD `result_params` text;--> statement-breakpoint
ALTER TABLE `deployment_targets` ADD `result_code` text;--> statement-breakpoint
ALTER TABLE `deployment_targets` ADD `result_params` text;--> statement-breakpoint
ALTER TABLE `deployments` ADD `pause_code` text;--> statement-breakpoint
ALTER TABLE `deployments` ADD `pause_params` text;