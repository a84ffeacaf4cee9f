CREATE TABLE `answered_requests` (
	`user_id` integer NOT NULL,
	`request_id` text NOT NULL,
	`route` text NOT NULL,
	`fingerprint` text NOT NULL,
	`subject_id` integer,
	`answer` text NOT NULL,
	`at_ms` integer NOT NULL,
	PRIMARY KEY(`user_id`, `request_id`),
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `answered_requests_age` ON `answered_requests` (`at_ms`);