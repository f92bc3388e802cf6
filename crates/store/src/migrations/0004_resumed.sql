-- Who let go on what was held back, and why.

ALTER TABLE farm ADD COLUMN resumed_by TEXT;
ALTER TABLE farm ADD COLUMN resumed_why TEXT;
ALTER TABLE worker ADD COLUMN resumed_by TEXT;
ALTER TABLE worker ADD COLUMN resumed_why TEXT;
ALTER TABLE builder ADD COLUMN resumed_by TEXT;
ALTER TABLE builder ADD COLUMN resumed_why TEXT;
ALTER TABLE scheduler ADD COLUMN resumed_by TEXT;
ALTER TABLE scheduler ADD COLUMN resumed_why TEXT;
