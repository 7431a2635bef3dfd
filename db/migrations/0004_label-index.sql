-- Labels by key and value. The key of the table is all that it holds, so it needs no row beside it.
CREATE TABLE `label_index` (
	`kind` text NOT NULL,
	`folder_id` text NOT NULL,
	`key` text NOT NULL,
	`value` text NOT NULL,
	`resource_id` text NOT NULL,
	PRIMARY KEY(`kind`, `folder_id`, `key`, `value`, `resource_id`)
) WITHOUT ROWID;
--> statement-breakpoint
-- What has labels keeps its entries, whatever statement changes it.
CREATE TRIGGER images_labels_insert AFTER INSERT ON images
BEGIN
  INSERT INTO label_index SELECT 'image', NEW.folder_id, label.key, label.value, NEW.id FROM json_each(NEW.labels) AS label;
END;
--> statement-breakpoint
CREATE TRIGGER images_labels_update AFTER UPDATE OF labels, folder_id ON images
WHEN NEW.labels IS NOT OLD.labels OR NEW.folder_id <> OLD.folder_id
BEGIN
  DELETE FROM label_index WHERE (kind, folder_id, key, value, resource_id) IN
    (SELECT 'image', OLD.folder_id, label.key, label.value, OLD.id FROM json_each(OLD.labels) AS label);
  INSERT INTO label_index SELECT 'image', NEW.folder_id, label.key, label.value, NEW.id FROM json_each(NEW.labels) AS label;
END;
--> statement-breakpoint
CREATE TRIGGER images_labels_delete AFTER DELETE ON images
BEGIN
  DELETE FROM label_index WHERE (kind, folder_id, key, value, resource_id) IN
    (SELECT 'image', OLD.folder_id, label.key, label.value, OLD.id FROM json_each(OLD.labels) AS label);
END;
--> statement-breakpoint
CREATE TRIGGER disks_labels_insert AFTER INSERT ON disks
BEGIN
  INSERT INTO label_index SELECT 'disk', NEW.folder_id, label.key, label.value, NEW.id FROM json_each(NEW.labels) AS label;
END;
--> statement-breakpoint
CREATE TRIGGER disks_labels_update AFTER UPDATE OF labels, folder_id ON disks
WHEN NEW.labels IS NOT OLD.labels OR NEW.folder_id <> OLD.folder_id
BEGIN
  DELETE FROM label_index WHERE (kind, folder_id, key, value, resource_id) IN
    (SELECT 'disk', OLD.folder_id, label.key, label.value, OLD.id FROM json_each(OLD.labels) AS label);
  INSERT INTO label_index SELECT 'disk', NEW.folder_id, label.key, label.value, NEW.id FROM json_each(NEW.labels) AS label;
END;
--> statement-breakpoint
CREATE TRIGGER disks_labels_delete AFTER DELETE ON disks
BEGIN
  DELETE FROM label_index WHERE (kind, folder_id, key, value, resource_id) IN
    (SELECT 'disk', OLD.folder_id, label.key, label.value, OLD.id FROM json_each(OLD.labels) AS label);
END;
--> statement-breakpoint
CREATE TRIGGER snapshots_labels_insert AFTER INSERT ON snapshots
BEGIN
  INSERT INTO label_index SELECT 'snapshot', NEW.folder_id, label.key, label.value, NEW.id FROM json_each(NEW.labels) AS label;
END;
--> statement-breakpoint
CREATE TRIGGER snapshots_labels_update AFTER UPDATE OF labels, folder_id ON snapshots
WHEN NEW.labels IS NOT OLD.labels OR NEW.folder_id <> OLD.folder_id
BEGIN
  DELETE FROM label_index WHERE (kind, folder_id, key, value, resource_id) IN
    (SELECT 'snapshot', OLD.folder_id, label.key, label.value, OLD.id FROM json_each(OLD.labels) AS label);
  INSERT INTO label_index SELECT 'snapshot', NEW.folder_id, label.key, label.value, NEW.id FROM json_each(NEW.labels) AS label;
END;
--> statement-breakpoint
CREATE TRIGGER snapshots_labels_delete AFTER DELETE ON snapshots
BEGIN
  DELETE FROM label_index WHERE (kind, folder_id, key, value, resource_id) IN
    (SELECT 'snapshot', OLD.folder_id, label.key, label.value, OLD.id FROM json_each(OLD.labels) AS label);
END;
--> statement-breakpoint
-- Of what is purged nobody asks by labels.
CREATE TRIGGER deleted_images_labels_insert AFTER INSERT ON deleted_images WHEN NEW.purged_at IS NULL
BEGIN
  INSERT INTO label_index SELECT 'deletedImage', NEW.folder_id, label.key, label.value, NEW.id FROM json_each(NEW.labels) AS label;
END;
--> statement-breakpoint
CREATE TRIGGER deleted_images_labels_update AFTER UPDATE OF purged_at ON deleted_images
WHEN OLD.purged_at IS NULL AND NEW.purged_at IS NOT NULL
BEGIN
  DELETE FROM label_index WHERE (kind, folder_id, key, value, resource_id) IN
    (SELECT 'deletedImage', OLD.folder_id, label.key, label.value, OLD.id FROM json_each(OLD.labels) AS label);
END;
--> statement-breakpoint
CREATE TRIGGER deleted_images_labels_delete AFTER DELETE ON deleted_images WHEN OLD.purged_at IS NULL
BEGIN
  DELETE FROM label_index WHERE (kind, folder_id, key, value, resource_id) IN
    (SELECT 'deletedImage', OLD.folder_id, label.key, label.value, OLD.id FROM json_each(OLD.labels) AS label);
END;
--> statement-breakpoint
INSERT INTO label_index SELECT 'image', folder_id, label.key, label.value, images.id
FROM images JOIN json_each(images.labels) AS label WHERE labels IS NOT NULL;
--> statement-breakpoint
INSERT INTO label_index SELECT 'disk', folder_id, label.key, label.value, disks.id
FROM disks JOIN json_each(disks.labels) AS label WHERE labels IS NOT NULL;
--> statement-breakpoint
INSERT INTO label_index SELECT 'snapshot', folder_id, label.key, label.value, snapshots.id
FROM snapshots JOIN json_each(snapshots.labels) AS label WHERE labels IS NOT NULL;
--> statement-breakpoint
INSERT INTO label_index SELECT 'deletedImage', folder_id, label.key, label.value, deleted_images.id
FROM deleted_images JOIN json_each(deleted_images.labels) AS label WHERE labels IS NOT NULL AND purged_at IS NULL;
