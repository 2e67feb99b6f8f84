//! Describes a run's output in lines of text. Pure functions; no AWS calls.

use contract::Action;
use serde_json::Value;

/// Returns the lines that describe the output of a succeeded run. They can contain unsafe characters: print each with
/// `output::print_line`.
pub fn of(output: &Value) -> Vec<String> {
    let text = |pointer: &str| output.pointer(pointer).and_then(Value::as_str);
    let environment = text("/environment").unwrap_or("the environment");
    let mut lines = Vec::new();
    if let Some(reason) = text("/reason").filter(|_| output["superseded"] == true) {
        lines.push(format!("{environment}: superseded: {reason}"));
    } else if output["plan"] == true {
        lines.extend(plan(output));
    } else if output["removed"] == true {
        lines.push(if texts(&output["parameters"]).next().is_none() {
            format!(
                "{environment}: removed. No endpoint was published; if you expected one, check the environment's name"
            )
        } else {
            format!("{environment}: cache removed")
        });
        lines.extend(left(output));
        if let Some(snapshot) = text("/finalSnapshot") {
            lines.push(format!("  final snapshot: {snapshot}"));
        }
    } else if let Some(url) = text("/url") {
        let verification = match output["verified"].as_bool() {
            Some(true) => " (verified)",
            Some(false) => " (not verified)",
            None => "",
        };
        lines.push(format!(
            "{environment}: cache available at {url}{verification}"
        ));
        for parameter in texts(&output["parameters"]) {
            lines.push(format!("  {parameter}"));
        }
        lines.extend(left(output));
    }
    lines.extend(engine_version(&output["engineVersion"]));
    lines.extend(timing(output));
    for kept in output["kept"].as_array().into_iter().flatten() {
        if let (Some(setting), Some(value)) = (kept["setting"].as_str(), kept["value"].as_str()) {
            lines.push(format!("  not changed: {setting}: {value}"));
        }
    }
    if output["protected"] == true {
        lines.push(
            "  protected: removals are rejected until a run with \"protect\": false".to_owned(),
        );
    }
    for rule in texts(&output["drift"]["inboundRules"]) {
        lines.push(format!(
            "  inbound rule created outside envcache, not changed: {rule}"
        ));
    }
    lines
}

/// Returns the lines for what wasn't deleted.
fn left(output: &Value) -> impl Iterator<Item = String> {
    texts(&output["left"]).map(|left| format!("  not deleted: {left}"))
}

/// Returns the line for the engine version of a cache, if there is one.
fn engine_version(versions: &Value) -> Option<String> {
    let found = versions["found"].as_str()?;
    Some(match versions["requested"].as_str() {
        Some(requested) => format!("  Valkey {found}, requested {requested}"),
        None => format!("  Valkey {found}"),
    })
}

/// Returns the lines for what isn't or wasn't deferred, for what is pending, and for logs that aren't delivered.
fn timing(output: &Value) -> Vec<String> {
    let immediate: Vec<_> = texts(&output["immediate"]).collect();
    let mut lines = Vec::new();
    if !immediate.is_empty() {
        lines.push(format!(
            "  immediate, not in the maintenance window: {}",
            immediate.join(", ")
        ));
    }
    for pending in output["pending"].as_array().into_iter().flatten() {
        if let Some(field) = pending["field"].as_str() {
            let value = pending["value"].as_str();
            // The value of `cache.parameters` is a parameter group, which the cache gets with an upgrade. Without a value, some
            // parameters wait for a reboot, and ElastiCache doesn't show which.
            let needs_reboot = field.starts_with("cache.parameters.")
                || (field == "cache.parameters" && value.is_none());
            let when = if needs_reboot {
                "until the nodes are rebooted"
            } else {
                "for the maintenance window"
            };
            let value = value.map(|value| format!(": {value}"));
            lines.push(format!(
                "  pending {when}: {field}{}",
                value.unwrap_or_default()
            ));
        }
    }
    for error in output["logErrors"].as_array().into_iter().flatten() {
        if let (Some(log), Some(message)) = (error["log"].as_str(), error["message"].as_str()) {
            lines.push(format!("  the {log} log isn't delivered: {message}"));
        }
    }
    lines
}

/// Returns the lines of a plan: each call with its changes, then the change of the removal protection, if any.
fn plan(output: &Value) -> Vec<String> {
    let actions: Vec<Action> =
        serde_json::from_value(output["actions"].clone()).unwrap_or_default();
    let mut lines = Vec::new();
    for action in actions {
        lines.push(format!("{} {}", action.operation, action.resource));
        for change in action.changes {
            let or_nothing = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
            lines.push(match change.found {
                None => format!("    {}: {}", change.field, or_nothing(change.wanted)),
                found => format!(
                    "    {}: {} → {}",
                    change.field,
                    or_nothing(found),
                    or_nothing(change.wanted)
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
        lines.push("Nothing to do: everything is up to date".to_owned());
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
    fn lists_calls_and_changes_of_a_plan() {
        let output = json!({
            "environment": "bandup",
            "drift": { "inboundRules": ["tcp 6379 from 10.0.0.0/8"] },
            "plan": true,
            "kept": [{ "setting": "maintenance window", "value": "sun:23:00-mon:01:30" }],
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
                "  not changed: maintenance window: sun:23:00-mon:01:30",
                "  inbound rule created outside envcache, not changed: tcp 6379 from 10.0.0.0/8",
            ]
        );
    }

    #[test]
    fn describes_outputs_other_than_changes() {
        let protected = "  protected: removals are rejected until a run with \"protect\": false";
        let cases = [
            (
                json!({ "environment": "bandup", "plan": true, "protected": false, "actions": [] }),
                vec!["Nothing to do: everything is up to date"],
            ),
            (
                json!({ "environment": "bandup", "plan": true, "protected": true, "actions": [],
                    "engineVersion": { "found": "8.1.0", "requested": "8.0" } }),
                vec![
                    "Nothing to do: everything is up to date",
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
                json!({ "environment": "bandup", "superseded": true, "reason": "a newer request takes precedence" }),
                vec!["bandup: superseded: a newer request takes precedence"],
            ),
            (
                json!({ "environment": "bandup", "url": "rediss://h:1", "parameters": ["/bandup/cache/url"],
                    "engineVersion": { "found": "8.2.0", "requested": null }, "verified": true, "protected": false }),
                vec![
                    "bandup: cache available at rediss://h:1 (verified)",
                    "  /bandup/cache/url",
                    "  Valkey 8.2.0",
                ],
            ),
            (
                json!({ "environment": "bandup", "url": "rediss://h:1", "parameters": [],
                    "engineVersion": { "found": "8.0.1", "requested": "8.1" },
                    "immediate": ["cache.replicas", "automatic failover"],
                    "pending": [{ "field": "cache.engineVersion", "value": "8.1.0" }, { "field": "user groups", "value": null },
                        { "field": "cache.parameters", "value": "bandup-redis-valkey9" },
                        { "field": "cache.parameters", "value": null },
                        { "field": "cache.parameters.activerehashing", "value": "no" }],
                    "left": ["cache parameter group bandup-redis-valkey8 is still in use"],
                    "logErrors": [{ "log": "slow", "message": "The log group doesn't exist." }] }),
                vec![
                    "bandup: cache available at rediss://h:1",
                    "  not deleted: cache parameter group bandup-redis-valkey8 is still in use",
                    "  Valkey 8.0.1, requested 8.1",
                    "  immediate, not in the maintenance window: cache.replicas, automatic failover",
                    "  pending for the maintenance window: cache.engineVersion: 8.1.0",
                    "  pending for the maintenance window: user groups",
                    "  pending for the maintenance window: cache.parameters: bandup-redis-valkey9",
                    "  pending until the nodes are rebooted: cache.parameters",
                    "  pending until the nodes are rebooted: cache.parameters.activerehashing: no",
                    "  the slow log isn't delivered: The log group doesn't exist.",
                ],
            ),
            (
                json!({ "environment": "bandup", "url": "rediss://h:1", "parameters": [], "verified": false }),
                vec!["bandup: cache available at rediss://h:1 (not verified)"],
            ),
            (
                json!({ "environment": "bandup", "url": "rediss://h:1", "parameters": ["/bandup/cache/url"],
                    "protected": true, "drift": { "inboundRules": ["tcp 1"] } }),
                vec![
                    "bandup: cache available at rediss://h:1",
                    "  /bandup/cache/url",
                    protected,
                    "  inbound rule created outside envcache, not changed: tcp 1",
                ],
            ),
            (
                json!({ "environment": "bandup", "removed": true, "parameters": ["/bandup/cache/url"],
                    "left": ["security group sg-1 doesn't have this stack's tags"], "finalSnapshot": null }),
                vec![
                    "bandup: cache removed",
                    "  not deleted: security group sg-1 doesn't have this stack's tags",
                ],
            ),
            (
                json!({ "environment": "bandupp", "removed": true, "parameters": [], "left": [] }),
                vec![
                    "bandupp: removed. No endpoint was published; if you expected one, check the environment's name",
                ],
            ),
            (json!(null), vec![]),
        ];
        for (output, expected) in cases {
            assert_eq!(of(&output), expected, "{output}");
        }
    }
}
