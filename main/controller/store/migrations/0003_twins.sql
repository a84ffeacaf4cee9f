CREATE TABLE `device_hardware` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`device_id` integer NOT NULL,
	`hardware_id` text NOT NULL,
	`standing` text NOT NULL,
	FOREIGN KEY (`device_id`) REFERENCES `devices`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `device_hardware_once` ON `device_hardware` (`device_id`,`hardware_id`);--> statement-breakpoint
ALTER TABLE `devices` ADD `split_from` integer REFERENCES devices(id);