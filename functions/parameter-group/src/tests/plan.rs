//! Tests of plans, and of what needs a reboot.

use replay::elasticache::no_cache;
use replay::{Answer, Replay};
use serde_json::{Value, json};

use super::{defaults, ensured, found, groups, message, values, writes};

async fn planned(answers: Vec<Answer>, parameters: &Value) -> (Value, Vec<String>) {
    let replay = Replay::new(answers);
    let mut message = message(parameters);
    message["plan"] = json!(true);
    let output = ensured(&replay, message).await.expect("a plan");
    let output = serde_json::to_value(output).expect("JSON");
    (output, writes(&replay))
}

#[tokio::test]
async fn plan_lists_calls_with_values_and_makes_none() {
    let change = |field: &str, found: &str, wanted: &str| json!({ "field": field, "found": found, "wanted": wanted });
    let timeout = change("cache.parameters.timeout", "0", "300");
    let action = |operation: &str, changes: Value| json!({ "operation": operation, "resource": "bandup-redis-valkey8", "changes": changes });
    let cases = [
        (
            vec![groups(&[]), no_cache(), defaults()],
            json!([
                action(
                    "CreateCacheParameterGroup",
                    json!([{ "field": "family", "found": null, "wanted": "valkey8" }])
                ),
                action("ModifyCacheParameterGroup", json!([timeout])),
            ]),
        ),
        (
            found(&[("integer-1", "7")]),
            json!([
                action(
                    "ResetCacheParameterGroup",
                    json!([change("cache.parameters.integer-1", "7", "0")])
                ),
                action("ModifyCacheParameterGroup", json!([timeout])),
            ]),
        ),
        (found(&[("timeout", "300")]), json!([])),
    ];
    for (answers, expected) in cases {
        let (output, writes) = planned(answers, &json!({ "timeout": 300 })).await;

        assert_eq!(output["actions"], expected);
        assert_eq!(output["pending"], json!([]));
        assert!(writes.is_empty(), "{writes:?}");
    }
}

#[tokio::test]
async fn parameter_that_needs_a_reboot_is_pending_unless_the_cache_is_new() {
    let rebooting =
        |answer: Answer| answer.replaced("<ChangeType>immediate", "<ChangeType>requires-reboot");
    let pending = json!([{ "field": "cache.parameters.timeout", "value": "300" }]);
    let mut existing = found(&[]);
    existing[5] = rebooting(values(&[]));
    let new = vec![groups(&[]), no_cache(), rebooting(defaults())];
    for (answers, expected) in [(existing, pending), (new, json!([]))] {
        let (output, _) = planned(answers, &json!({ "timeout": 300 })).await;

        assert_eq!(output["pending"], expected);
    }
}
