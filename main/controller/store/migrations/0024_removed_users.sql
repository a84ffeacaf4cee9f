ALTER TABLE `users` ADD `removed_at` text;--> statement-breakpoint
ALTER TABLE `users` ADD `successor_id` integer REFERENCES users(id);