//! The invocation that log lines belong to.

use std::sync::atomic::{AtomicBool, Ordering};

use lambda_runtime::Context;

/// The service that log lines name.
pub(crate) const SERVICE: &str = "envcache";

tokio::task_local! {
    /// The current invocation, for log lines.
    pub(crate) static INVOCATION: Invocation;
}

/// An invocation of the function. Log lines have its fields under the names that Powertools for AWS Lambda uses
/// (<https://docs.aws.amazon.com/powertools/python/latest/core/logger/>), and Lambda's request ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// Whether it is the first one in this execution environment.
    pub cold_start: bool,
    /// Lambda's ID of the request.
    pub request_id: String,
    /// The ID of the X-Ray trace that it belongs to, if Lambda passes one.
    pub xray_trace_id: Option<String>,
}

impl Invocation {
    /// Returns the invocation with this context.
    pub(crate) fn begin(context: &Context) -> Self {
        static IS_WARM: AtomicBool = AtomicBool::new(false);
        Self {
            cold_start: !IS_WARM.swap(true, Ordering::Relaxed),
            request_id: context.request_id.clone(),
            xray_trace_id: context.xray_trace_id.as_deref().and_then(trace_id),
        }
    }
}

/// Returns the trace ID in a tracing header, such as `Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1`:
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>.
fn trace_id(header: &str) -> Option<String> {
    header
        .split(';')
        .find_map(|field| field.trim().strip_prefix("Root="))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use lambda_runtime::Context;

    use super::{Invocation, trace_id};

    #[test]
    fn reads_the_trace_id_from_the_header() {
        // The first two are AWS's examples.
        let cases = [
            (
                "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
                Some("1-5759e988-bd862e3fe1be46a994272793"),
            ),
            (
                "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
                Some("1-5759e988-bd862e3fe1be46a994272793"),
            ),
            (
                "Sampled=?; Root=1-5759e988-bd862e3fe1be46a994272793",
                Some("1-5759e988-bd862e3fe1be46a994272793"),
            ),
            ("Sampled=0", None),
            ("", None),
        ];
        for (header, expected) in cases {
            assert_eq!(trace_id(header).as_deref(), expected, "{header}");
        }
    }

    #[test]
    fn only_the_first_invocation_is_a_cold_start() {
        let context = Context::default();

        let [first, second] = [(); 2].map(|()| Invocation::begin(&context));

        assert!(first.cold_start && !second.cold_start);
    }
}
