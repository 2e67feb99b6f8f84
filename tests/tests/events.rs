//! Checks the sample events that users start from.

use contract::{RemovalRequest, Request};
use local::Workspace;
use serde_json::Value;

#[test]
fn every_sample_event_contains_a_valid_request() {
    let folder = Workspace::root().join("events");
    let samples: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder events/")
        .map(|entry| entry.expect("an entry").path())
        // The schemas are in the same folder as the samples.
        .filter(|path| !path.to_string_lossy().ends_with(".schema.json"))
        .collect();
    assert!(!samples.is_empty(), "no sample events");
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
            other => panic!("{name}: no rule matches {other:?}"),
        };
        read.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
