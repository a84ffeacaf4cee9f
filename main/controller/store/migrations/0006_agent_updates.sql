CREATE TABLE `agent_updates` (
	`device_id` integer PRIMARY KEY NOT NULL,
	`version` text NOT NULL,
	`sequence` integer NOT NULL,
	`state` text NOT NULL,
	`message` text DEFAULT '' NOT NULL,
	`tries` integer NOT NULL,
	`changed_at_ms` integer NOT NULL,
	`not_before_ms` integer DEFAULT 0 NOT NULL,
	FOREIGN KEY (`device_id`) REFERENCES `devices`(`id`) ON UPDATE no action ON DELETE cascade
);
