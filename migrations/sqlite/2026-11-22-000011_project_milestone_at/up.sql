-- What happened lately, over all tenders: the feed and the home page.
CREATE INDEX project_milestone_at ON project_milestone (at);
