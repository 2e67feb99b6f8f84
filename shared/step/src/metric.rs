//! Metrics in CloudWatch's embedded metric format: CloudWatch reads them from log lines, so no call is needed. Format:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::invocation::{INVOCATION, Invocation, SERVICE};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "envcache";

/// One value of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// The metric's name, such as `Polls`.
    pub name: &'static str,
    /// The unit, as CloudWatch names it
    /// ([MetricDatum](https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html)).
    pub unit: &'static str,
    /// The counted or measured value.
    pub value: f64,
}

/// Writes the metrics to the log in one line. Each element of `dimensions` is a set of names and values. The line also
/// contains `details` and the invocation, so that users can find the run behind a value.
pub fn emit(metrics: &[Metric], dimensions: &[&[(&str, &str)]], details: &[(&str, &str)]) {
    let milliseconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    println!(
        "{}",
        line(
            u64::try_from(milliseconds).unwrap_or_default(),
            metrics,
            dimensions,
            details,
            INVOCATION.try_with(Invocation::clone).ok()
        )
    );
}

fn line(
    milliseconds: u64,
    metrics: &[Metric],
    dimensions: &[&[(&str, &str)]],
    details: &[(&str, &str)],
    invocation: Option<Invocation>,
) -> Value {
    let names: Vec<Vec<&str>> = dimensions
        .iter()
        .map(|set| set.iter().map(|(name, _)| *name).collect())
        .collect();
    let definitions: Vec<Value> = metrics
        .iter()
        .map(|metric| json!({ "Name": metric.name, "Unit": metric.unit }))
        .collect();
    let texts = dimensions.iter().copied().flatten().chain(details);
    let mut members: Map<String, Value> = texts
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    for metric in metrics {
        members.insert(metric.name.to_owned(), json!(metric.value));
    }
    if let Some(invocation) = invocation {
        members.insert("service".to_owned(), json!(SERVICE));
        members.insert("request_id".to_owned(), json!(invocation.request_id));
        members.insert("cold_start".to_owned(), json!(invocation.cold_start));
        if let Some(trace) = invocation.xray_trace_id {
            members.insert("xray_trace_id".to_owned(), json!(trace));
        }
    }
    members.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": milliseconds,
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": names,
                "Metrics": definitions,
            }],
        }),
    );
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Invocation, Metric, line};

    #[test]
    fn line_has_the_embedded_metric_format() {
        let duration = Metric {
            name: "Duration",
            unit: "Seconds",
            value: 312.5,
        };

        let found = line(
            1_574_109_732_004,
            &[duration],
            &[
                &[("Stack", "envcache")],
                &[("Stack", "envcache"), ("Outcome", "Throttled")],
            ],
            &[("environment", "bandup")],
            Some(Invocation {
                cold_start: true,
                request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned(),
                xray_trace_id: Some("1-5759e988-bd862e3fe1be46a994272793".to_owned()),
            }),
        );

        assert_eq!(
            found,
            json!({
                "_aws": {
                    "Timestamp": 1_574_109_732_004_u64,
                    "CloudWatchMetrics": [{
                        "Namespace": "envcache",
                        "Dimensions": [["Stack"], ["Stack", "Outcome"]],
                        "Metrics": [{ "Name": "Duration", "Unit": "Seconds" }],
                    }],
                },
                "Stack": "envcache",
                "Outcome": "Throttled",
                "Duration": 312.5,
                "environment": "bandup",
                "service": "envcache",
                "request_id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
                "cold_start": true,
                "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793",
            })
        );
    }
}
