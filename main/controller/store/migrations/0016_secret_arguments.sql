ALTER TABLE `deployment_attempts` ADD `output_held` text;--> statement-breakpoint
ALTER TABLE `installers` ADD `secret_args` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `installers` ADD `sealed_args` text;