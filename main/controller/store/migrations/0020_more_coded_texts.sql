ALTER TABLE `agent_updates` ADD `message_code` text;--> statement-breakpoint
ALTER TABLE `agent_updates` ADD `message_params` text;--> statement-breakpoint
ALTER TABLE `device_restarts` ADD `message_code` text;--> statement-breakpoint
ALTER TABLE `device_restarts` ADD `message_params` text;--> statement-breakpoint
ALTER TABLE `installers` ADD `fetch_code` text;--> statement-breakpoint
ALTER TABLE `installers` ADD `fetch_params` text;