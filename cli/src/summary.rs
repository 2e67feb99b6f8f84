//! What a run's output tells a person. Pure.

use std::fmt::Write;

use contract::Action;
use serde_json::Value;

/// The output of any of the state machines' successes, as lines.
pub fn of(output: &Value) -> String {
    let text = |pointer: &str| output.pointer(pointer).and_then(Value::as_str);
    let environment = text("/environment").unwrap_or("the environment");
    let mut lines = String::new();
    let mut say = |line: String| {
        // Writing into a string cannot fail.
        let _ = writeln!(lines, "{line}");
    };
    if let Some(reason) = text("/reason").filter(|_| output["superseded"] == true) {
        say(format!("Nothing was changed: {reason}"));
    } else if output["plan"] == true {
        for line in plan(&output["actions"]) {
            say(line);
        }
    } else if output["removed"] == true {
        say(if texts(&output["parameters"]).next().is_none() {
            format!(
                "Nothing of envcache's is left of {environment}. No endpoint of it was published: was the name right?"
            )
        } else {
            format!("The cache of {environment} is gone")
        });
        for left in texts(&output["left"]) {
            say(format!("  left where it is: {left}"));
        }
        if let Some(snapshot) = text("/finalSnapshot") {
            say(format!("  last backup: {snapshot}"));
        }
    } else if let Some(url) = text("/url") {
        let proved = match output["verified"].as_bool() {
            Some(true) => ", which answers",
            Some(false) => ", unproven",
            None => "",
        };
        say(format!("{environment} has its cache: {url}{proved}"));
        for parameter in texts(&output["parameters"]) {
            say(format!("  {parameter}"));
        }
    }
    for rule in texts(&output["drift"]["inboundRules"]) {
        say(format!(
            "  somebody else's inbound rule, left there: {rule}"
        ));
    }
    lines
}

fn plan(actions: &Value) -> Vec<String> {
    let actions: Vec<Action> = serde_json::from_value(actions.clone()).unwrap_or_default();
    if actions.is_empty() {
        return vec!["Nothing to do: everything is as wanted".to_owned()];
    }
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
            "IncreaseReplicaCount bandup-redis\n    cache.replicas: 0 → 1\n    zone: b\n  \
             somebody else's inbound rule, left there: tcp 6379 from 10.0.0.0/8\n"
        );
    }

    #[test]
    fn each_other_end_is_told_in_a_sentence() {
        let cases = [
            (
                json!({ "environment": "bandup", "plan": true, "actions": [] }),
                "Nothing to do: everything is as wanted\n",
            ),
            (
                json!({ "environment": "bandup", "superseded": true, "reason": "asked for at noon" }),
                "Nothing was changed: asked for at noon\n",
            ),
            (
                json!({ "environment": "bandup", "url": "rediss://h:1", "parameters": ["/bandup/cache/url"],
                    "verified": true }),
                "bandup has its cache: rediss://h:1, which answers\n  /bandup/cache/url\n",
            ),
            (
                json!({ "parameters": ["/bandup/cache/url"], "environment": "bandup", "removed": true, "left": ["security group sg-1 is not ours"],
                    "finalSnapshot": null }),
                "The cache of bandup is gone\n  left where it is: security group sg-1 is not ours\n",
            ),
            (
                json!({ "environment": "bandupp", "removed": true, "parameters": [], "left": [] }),
                "Nothing of envcache's is left of bandupp. No endpoint of it was published: was the name right?\n",
            ),
        ];
        for (output, expected) in cases {
            assert_eq!(of(&output), expected);
        }
    }
}
