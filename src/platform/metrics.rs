//! Figures for whoever keeps the machine running, in the Prometheus text format.
//!
//! A figure that grows whenever somebody bids, pays or uploads would tell a reader who looks every second how many
//! bidders there are. So this module has no way to count such things: pages are counted only if everybody may read
//! them, acts and commits only if they leave an entry in the log, whose size is public anyway, and their durations
//! only in steps so wide that one kind of act looks like another (`docs/security.md`).

use super::refusal::Fault;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;

type Label = (&'static str, &'static str);

/// All figures of one server. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    requests: Family<[Label; 3], Counter>,
    faults: Family<[Label; 1], Counter>,
    pages: Histogram,
    acts: Family<[Label; 1], Counter>,
    commits: Family<[Label; 1], Counter>,
    batch: Histogram,
    log_size: Gauge,
    jobs: Family<[Label; 2], Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("sunbid");
        let inner = Inner {
            requests: Family::default(),
            faults: Family::default(),
            pages: Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0]),
            acts: Family::default(),
            commits: Family::default(),
            batch: Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
            log_size: Gauge::default(),
            jobs: Family::default(),
            registry: Registry::default(),
        };
        let requests = "Answers on pages that everybody may read, by route and class of status";
        registry.register("requests", requests, inner.requests.clone());
        let faults = "Requests that failed by our fault, on public pages or behind sign-in";
        registry.register("faults", faults, inner.faults.clone());
        let pages = "Seconds until a public page's answer began";
        registry.register("page_seconds", pages, inner.pages.clone());
        let acts = "Acts that entered something in the log, by how soon they were answered";
        registry.register("acts", acts, inner.acts.clone());
        let commits = "Checkpoints made durable, by how long commit and signature took";
        registry.register("commits", commits, inner.commits.clone());
        let batch = "Log entries that became durable with one checkpoint";
        registry.register("checkpoint_entries", batch, inner.batch.clone());
        let log_size = "Entries in the log at this server's last checkpoint";
        registry.register("log_size", log_size, inner.log_size.clone());
        let jobs = "Runs of the clock's jobs on this server, by job and outcome";
        registry.register("job_runs", jobs, inner.jobs.clone());
        Self(Arc::new(Inner { registry, ..inner }))
    }
}

impl Metrics {
    /// A page that everybody may read was answered.
    pub fn public_page(&self, method: &'static str, route: &'static str, status: u16, took: Duration) {
        let labels = [("method", method), ("route", route), ("status", status_class(status))];
        self.0.requests.get_or_create(&labels).inc();
        self.0.pages.observe(took.as_secs_f64());
        if status >= 500 {
            self.0.faults.get_or_create(&[("where", "public")]).inc();
        }
    }

    /// A page behind sign-in was answered. Only faults of ours are counted.
    pub fn inner_page(&self, status: u16) {
        if status >= 500 {
            self.0.faults.get_or_create(&[("where", "behind sign-in")]).inc();
        }
    }

    /// An act that entered something in the log was answered after `took`.
    pub fn act(&self, took: Duration) {
        self.0.acts.get_or_create(&[("within", step(took))]).inc();
    }

    /// The log was made durable at `size` entries, `entries` of them new, in `took`.
    pub fn checkpoint(&self, size: u64, entries: u64, took: Duration) {
        self.0.commits.get_or_create(&[("within", step(took))]).inc();
        self.0.batch.observe(f64::from(u32::try_from(entries).unwrap_or(u32::MAX)));
        self.0.log_size.set(i64::try_from(size).unwrap_or(i64::MAX));
    }

    /// A job ran.
    pub fn job(&self, job: &'static str, well: bool) {
        let outcome = if well { "done" } else { "failed" };
        self.0.jobs.get_or_create(&[("job", job), ("outcome", outcome)]).inc();
    }

    /// Everything, as Prometheus reads it.
    ///
    /// # Errors
    /// Never in practice: writing to a string does not fail.
    pub fn text(&self) -> Result<String, Fault> {
        let mut text = String::new();
        encode(&mut text, &self.0.registry)?;
        Ok(text)
    }
}

/// Wide steps on purpose: every healthy act falls into the first.
fn step(took: Duration) -> &'static str {
    match took.as_millis() {
        0..250 => "250 ms",
        250..1000 => "1 s",
        1000..5000 => "5 s",
        _ => "longer",
    }
}

fn status_class(status: u16) -> &'static str {
    match status / 100 {
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        5 => "5xx",
        _ => "other",
    }
}
