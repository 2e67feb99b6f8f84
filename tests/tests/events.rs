//! The sample events, as a user sends them.

use contract::{RemovalRequest, Request};
use local::Workspace;
use serde_json::Value;

/// What describes a request, among the samples.
const SCHEMA: &str = "environment-created.schema.json";

#[test]
fn every_sample_event_holds_a_request_that_the_workflow_takes() {
    let folder = Workspace::root().join("events");
    let samples: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder events/")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| !path.ends_with(SCHEMA))
        .collect();
    assert!(!samples.is_empty(), "there is a sample event");
    for path in samples {
        let name = path.display();
        let text = std::fs::read_to_string(&path).expect("the file");
        let event: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));

        assert_eq!(event["source"], "envcache.environments", "{name}");
        let detail = event["detail"].clone();
        let read = match event["detail-type"].as_str() {
            Some("Environment Created") => Request::from_json(detail)
                .and_then(Request::into_spec)
                .map(drop),
            Some("Environment Deleted") => RemovalRequest::from_json(detail).map(drop),
            other => panic!("{name}: {other:?} starts nothing"),
        };
        read.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
