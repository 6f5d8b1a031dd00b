DROP INDEX project_milestone_kind;
DROP INDEX project_milestone_at;
CREATE INDEX project_milestone_at ON project_milestone (at);
