//! A page of metrics in Prometheus' text format.

use prometheus::{
	core::{Collector, GenericCounterVec, GenericGaugeVec},
	CounterVec, GaugeVec, Opts, Registry, TextEncoder,
};

/// The type of such a page, for the header `Content-Type`.
pub const MEDIA_TYPE: &str = prometheus::TEXT_FORMAT;

/// A page that is written anew for every request.
///
/// A metric whose name or label Prometheus does not allow is left out, and an error says so.
#[derive(Debug, Default)]
pub struct Page(Registry);

impl Page {
	/// A value that goes up and down.
	pub fn gauge(&self, name: &str, help: &str, value: f64) {
		self.add(GaugeVec::new(Opts::new(name, help), &[]), |gauge| {
			gauge.with_label_values(&[]).set(value);
		});
	}

	/// A value that only grows, except when the program is restarted.
	pub fn counter(&self, name: &str, help: &str, value: f64) {
		self.add(CounterVec::new(Opts::new(name, help), &[]), |counter| {
			counter.with_label_values(&[]).inc_by(value);
		});
	}

	/// One gauge for each value of a label.
	pub fn gauges<S: AsRef<str>>(&self, name: &str, help: &str, label: &str, values: impl IntoIterator<Item = (S, f64)>) {
		self.add(GaugeVec::new(Opts::new(name, help), &[label]), |gauges: &GenericGaugeVec<_>| {
			for (of, value) in values {
				gauges.with_label_values(&[of.as_ref()]).set(value);
			}
		});
	}

	/// One counter for each value of a label.
	pub fn counters<S: AsRef<str>>(&self, name: &str, help: &str, label: &str, values: impl IntoIterator<Item = (S, f64)>) {
		self.add(CounterVec::new(Opts::new(name, help), &[label]), |counters: &GenericCounterVec<_>| {
			for (of, value) in values {
				counters.with_label_values(&[of.as_ref()]).inc_by(value);
			}
		});
	}

	/// The page's text.
	pub fn text(&self) -> String {
		let text = TextEncoder::new().encode_to_string(&self.0.gather());
		text.unwrap_or_else(|error| {
			tracing::error!(%error, "cannot write the metrics");
			String::new()
		})
	}

	fn add<M: Collector + Clone + 'static>(&self, metric: prometheus::Result<M>, fill: impl FnOnce(&M)) {
		let added = metric.and_then(|metric| {
			fill(&metric);
			self.0.register(Box::new(metric))
		});
		if let Err(error) = added {
			tracing::error!(%error, "a metric is left out");
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn page_should_be_in_prometheus_text_format() {
		let page = Page::default();
		page.gauge("up", "Whether it is up.", 1.0);
		page.counters("bytes_total", "Bytes.", "from", [("a\"b", 2.5), ("c", 0.0)]);
		page.gauges("left", "Left.", "of", [(String::from("1"), 3.0)]);
		page.counter("all_total", "All.", 7.0);
		page.gauge("not a name", "Left out.", 1.0);
		let expected = "\
# HELP all_total All.
# TYPE all_total counter
all_total 7
# HELP bytes_total Bytes.
# TYPE bytes_total counter
bytes_total{from=\"a\\\"b\"} 2.5
bytes_total{from=\"c\"} 0
# HELP left Left.
# TYPE left gauge
left{of=\"1\"} 3
# HELP up Whether it is up.
# TYPE up gauge
up 1
";
		assert_eq!(page.text(), expected);
	}
}
