CREATE TABLE `audit_days` (
	`day` text PRIMARY KEY NOT NULL,
	`first_id` integer NOT NULL,
	`last_id` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `audit_facets` (
	`actor` text NOT NULL,
	`action` text NOT NULL,
	`actor_id` integer NOT NULL,
	`entries` integer NOT NULL,
	PRIMARY KEY(`actor`, `action`, `actor_id`)
);
--> statement-breakpoint
CREATE TABLE `deployment_counts` (
	`owner_id` integer NOT NULL,
	`status` text NOT NULL,
	`deployments` integer NOT NULL,
	PRIMARY KEY(`owner_id`, `status`)
);
--> statement-breakpoint
CREATE INDEX `audit_heads_entry` ON `audit_heads` (`entry_id`);--> statement-breakpoint
CREATE INDEX `audit_log_actor_action` ON `audit_log` (`actor`,`action`);--> statement-breakpoint
CREATE INDEX `audit_log_actor_id` ON `audit_log` (`actor_id`);--> statement-breakpoint
CREATE INDEX `audit_log_actor_id_action` ON `audit_log` (`actor_id`,`action`);--> statement-breakpoint
CREATE INDEX `deployment_targets_ended` ON `deployment_targets` (`completed_at`,`deployment_status`,`deployment_id`) WHERE completed_at is not null;--> statement-breakpoint
CREATE INDEX `deployments_owner` ON `deployments` (`created_by`);--> statement-breakpoint
CREATE INDEX `deployments_owner_status` ON `deployments` (`created_by`,`status`);--> statement-breakpoint
CREATE INDEX `devices_owner` ON `devices` (`owner_id`);--> statement-breakpoint
CREATE INDEX `devices_deleted` ON `devices` (`deleted_at`) WHERE deleted_at is not null;--> statement-breakpoint
CREATE INDEX `devices_split_from` ON `devices` (`split_from`) WHERE split_from is not null;--> statement-breakpoint
CREATE INDEX `devices_replaced_by` ON `devices` (`replaced_by`) WHERE replaced_by is not null;--> statement-breakpoint
CREATE INDEX `enrollments_owner` ON `enrollments` (`created_by`);--> statement-breakpoint
CREATE INDEX `software_owner` ON `software` (`owner_id`);--> statement-breakpoint
CREATE TABLE `search_terms` (
	`term` text PRIMARY KEY NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `search_progress` (
	`name` text PRIMARY KEY NOT NULL,
	`up_to` integer NOT NULL
);
--> statement-breakpoint
CREATE VIRTUAL TABLE `audit_search` USING fts5(text, content='', columnsize=0, detail=none, tokenize="trigram case_sensitive 1");--> statement-breakpoint
CREATE VIRTUAL TABLE `deployment_search` USING fts5(text, content='', columnsize=0, detail=none, tokenize="trigram case_sensitive 1");--> statement-breakpoint
CREATE VIRTUAL TABLE `title_search` USING fts5(text, content='', columnsize=0, detail=none, tokenize="trigram case_sensitive 1");--> statement-breakpoint
INSERT INTO `deployment_counts` SELECT coalesce(created_by, 0), status, count(*) FROM `deployments` GROUP BY 1, 2;--> statement-breakpoint
CREATE TRIGGER `deployments_counted` AFTER INSERT ON `deployments` BEGIN
	INSERT INTO `deployment_counts` VALUES (coalesce(new.created_by, 0), new.status, 1)
		ON CONFLICT DO UPDATE SET deployments = deployments + 1;
END;--> statement-breakpoint
CREATE TRIGGER `deployments_uncounted` AFTER DELETE ON `deployments` BEGIN
	UPDATE `deployment_counts` SET deployments = deployments - 1
		WHERE owner_id = coalesce(old.created_by, 0) AND status = old.status;
END;--> statement-breakpoint
CREATE TRIGGER `deployments_recounted` AFTER UPDATE OF `status`, `created_by` ON `deployments`
WHEN old.status IS NOT new.status OR old.created_by IS NOT new.created_by BEGIN
	UPDATE `deployment_counts` SET deployments = deployments - 1
		WHERE owner_id = coalesce(old.created_by, 0) AND status = old.status;
	INSERT INTO `deployment_counts` VALUES (coalesce(new.created_by, 0), new.status, 1)
		ON CONFLICT DO UPDATE SET deployments = deployments + 1;
END;
