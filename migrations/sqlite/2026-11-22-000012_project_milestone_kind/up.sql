-- What happened lately is read from the milestones alone, of one kind or of all, and only then joined to its lots:
-- joined at once, a database with statistics walks all lots.
DROP INDEX project_milestone_at;
CREATE INDEX project_milestone_at ON project_milestone (at, lot_id);
CREATE INDEX project_milestone_kind ON project_milestone (milestone, at, lot_id);
