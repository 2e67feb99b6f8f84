//! What a run's output tells a person. Pure.

use contract::Action;
use serde_json::Value;

/// Returns the lines that describe the output of a succeeded run. They contain data without a change: print each with
/// `output::print_line`.
pub fn of(output: &Value) -> Vec<String> {
    let text = |pointer: &str| output.pointer(pointer).and_then(Value::as_str);
    let environment = text("/environment").unwrap_or("the environment");
    let mut lines = Vec::new();
    if let Some(reason) = text("/reason").filter(|_| output["superseded"] == true) {
        lines.push(format!("Nothing was changed: {reason}"));
    } else if output["plan"] == true {
        lines.extend(plan(output));
    } else if output["removed"] == true {
        lines.push(if texts(&output["parameters"]).next().is_none() {
            format!(
                "Nothing of envcache's is left of {environment}. No endpoint of it was published: was the name right?"
            )
        } else {
            format!("The cache of {environment} is gone")
        });
        for left in texts(&output["left"]) {
            lines.push(format!("  left where it is: {left}"));
        }
        if let Some(snapshot) = text("/finalSnapshot") {
            lines.push(format!("  last backup: {snapshot}"));
        }
    } else if let Some(url) = text("/url") {
        let proved = match output["verified"].as_bool() {
            Some(true) => ", which answers",
            Some(false) => ", unproven",
            None => "",
        };
        lines.push(format!("{environment} has its cache: {url}{proved}"));
        for parameter in texts(&output["parameters"]) {
            lines.push(format!("  {parameter}"));
        }
    }
    lines.extend(engine_version(&output["engineVersion"]));
    if output["protected"] == true {
        lines.push("  protected: a removal fails until a run with \"protect\": false".to_owned());
    }
    for rule in texts(&output["drift"]["inboundRules"]) {
        lines.push(format!(
            "  somebody else's inbound rule, left there: {rule}"
        ));
    }
    lines
}

/// Returns the line for the engine version of a cache, if there is one.
fn engine_version(versions: &Value) -> Option<String> {
    let found = versions["found"].as_str()?;
    Some(match versions["requested"].as_str() {
        Some(requested) => format!("  Valkey {found}, requested {requested}"),
        None => format!("  Valkey {found}"),
    })
}

/// Returns the lines of a plan: each call with its changes, then the change of the removal protection, if any.
fn plan(output: &Value) -> Vec<String> {
    let actions: Vec<Action> =
        serde_json::from_value(output["actions"].clone()).unwrap_or_default();
    let mut lines = Vec::new();
    for action in actions {
        lines.push(format!("{} {}", action.operation, action.resource));
        for change in action.changes {
            let shown = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
            lines.push(match change.found {
                None => format!("    {}: {}", change.field, shown(change.wanted)),
                found => format!(
                    "    {}: {} → {}",
                    change.field,
                    shown(found),
                    shown(change.wanted)
                ),
            });
        }
    }
    let protection = &output["protectionChange"];
    if let (Some(found), Some(wanted)) = (
        protection["found"].as_bool(),
        protection["wanted"].as_bool(),
    ) {
        lines.push(format!("protect: {found} → {wanted}"));
    }
    if lines.is_empty() {
        lines.push("Nothing to do: everything is as wanted".to_owned());
    }
    lines
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of;

    #[test]
    fn a_plan_is_told_call_by_call_with_what_is_found_and_wanted() {
        let output = json!({
            "environment": "bandup",
            "drift": { "inboundRules": ["tcp 6379 from 10.0.0.0/8"] },
            "plan": true,
            "actions": [{
                "operation": "IncreaseReplicaCount",
                "resource": "bandup-redis",
                "changes": [
                    { "field": "cache.replicas", "found": "0", "wanted": "1" },
                    { "field": "zone", "found": null, "wanted": "b" }
                ]
            }]
        });

        assert_eq!(
            of(&output),
            [
                "IncreaseReplicaCount bandup-redis",
                "    cache.replicas: 0 → 1",
                "    zone: b",
                "  somebody else's inbound rule, left there: tcp 6379 from 10.0.0.0/8",
            ]
        );
    }

    #[test]
    fn each_other_end_is_told_in_a_sentence() {
        let protected = "  protected: a removal fails until a run with \"protect\": false";
        let cases = [
            (
                json!({ "environment": "bandup", "plan": true, "protected": false, "actions": [] }),
                vec!["Nothing to do: everything is as wanted"],
            ),
            (
                json!({ "environment": "bandup", "plan": true, "protected": true, "actions": [],
                    "engineVersion": { "found": "8.1.0", "requested": "8.0" } }),
                vec![
                    "Nothing to do: everything is as wanted",
                    "  Valkey 8.1.0, requested 8.0",
                    protected,
                ],
            ),
            (
                json!({ "environment": "bandup", "plan": true, "protected": false, "actions": [],
                    "protectionChange": { "found": true, "wanted": false } }),
                vec!["protect: true → false"],
            ),
            (
                json!({ "environment": "bandup", "plan": true, "protected": true,
                    "actions": [{ "operation": "PutParameter", "resource": "/bandup/cache/url", "changes": [] }],
                    "protectionChange": { "found": false, "wanted": true } }),
                vec![
                    "PutParameter /bandup/cache/url",
                    "protect: false → true",
                    protected,
                ],
            ),
            (
                json!({ "environment": "bandup", "superseded": true, "reason": "asked for at noon" }),
                vec!["Nothing was changed: asked for at noon"],
            ),
            (
                json!({ "environment": "bandup", "url": "rediss://h:1", "parameters": ["/bandup/cache/url"],
                    "engineVersion": { "found": "8.2.0", "requested": null }, "verified": true, "protected": false }),
                vec![
                    "bandup has its cache: rediss://h:1, which answers",
                    "  /bandup/cache/url",
                    "  Valkey 8.2.0",
                ],
            ),
            (
                json!({ "environment": "bandup", "url": "rediss://h:1", "parameters": ["/bandup/cache/url"],
                    "protected": true, "drift": { "inboundRules": ["tcp 1"] } }),
                vec![
                    "bandup has its cache: rediss://h:1",
                    "  /bandup/cache/url",
                    protected,
                    "  somebody else's inbound rule, left there: tcp 1",
                ],
            ),
            (
                json!({ "parameters": ["/bandup/cache/url"], "environment": "bandup", "removed": true, "left": ["security group sg-1 is not ours"],
                    "finalSnapshot": null }),
                vec![
                    "The cache of bandup is gone",
                    "  left where it is: security group sg-1 is not ours",
                ],
            ),
            (
                json!({ "environment": "bandupp", "removed": true, "parameters": [], "left": [] }),
                vec![
                    "Nothing of envcache's is left of bandupp. No endpoint of it was published: was the name right?",
                ],
            ),
            (json!(null), vec![]),
        ];
        for (output, expected) in cases {
            assert_eq!(of(&output), expected, "{output}");
        }
    }
}
