CREATE INDEX `jobs_subject` ON `jobs` (`subject_id`);--> statement-breakpoint
-- What was begun before there were deadlines ends as well: a request to people after 90 days, anything else after 8,
-- which is longer than an upload may take; the deletion of a folder is counted from the day for which it is meant.
UPDATE `operations` SET `deadline_at` = CASE `kind`
  WHEN 'quotaRequests.create' THEN `created_at` + 7776000000
  ELSE coalesce((SELECT `delete_at` FROM `folders` WHERE `deletion_id` = `operations`.`id`), `created_at`) + 691200000
END WHERE `done` = 0 AND `deadline_at` IS NULL;
