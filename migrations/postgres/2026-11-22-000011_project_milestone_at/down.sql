DROP INDEX project_milestone_at;
