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
ALTER TABLE `devices` ADD `reboot_pending` integer;--> statement-breakpoint
ALTER TABLE `devices` ADD `inventory_at` text;