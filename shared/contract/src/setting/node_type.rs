//! `cache.nodeType`.

use crate::checked::{Check, checked_text, is_name_character, require};

checked_text!(
    /// A node type. Only AWS knows whether a Region offers it.
    NodeType,
    node_type,
    rule "`cache.{family}.{size}`, as AWS names it.",
    schema { "maxLength": 64, "pattern": "^cache\\.[a-z0-9-]+\\.[a-z0-9-]+$" }
);

impl NodeType {
    /// Returns whether its nodes store data on SSDs too: those of the family r6gd
    /// ([data tiering](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/data-tiering.html)).
    #[must_use]
    pub fn has_data_tiering(&self) -> bool {
        self.0.starts_with("cache.r6gd.")
    }
}

impl Default for NodeType {
    fn default() -> Self {
        Self("cache.t3.micro".to_owned())
    }
}

fn node_type(text: &str) -> Check {
    let parts: Vec<_> = text.split('.').collect();
    let is_node_type = matches!(parts[..], ["cache", family, size]
        if [family, size].iter().all(|part| !part.is_empty() && part.chars().all(is_name_character)));
    require(
        is_node_type && text.len() <= 64,
        "is not a node type such as `cache.t3.micro`",
    )
}

#[cfg(test)]
mod tests {
    use super::node_type;
    use crate::checked::assert_checks;

    #[test]
    fn checks_that_node_types_have_family_and_size() {
        assert_checks(
            node_type,
            &[
                ("cache.t3.micro", ""),
                ("cache.r7g.16xlarge", ""),
                ("t3.micro", "not a node type"),
                ("cache.t3", "not a node type"),
                ("cache..micro", "not a node type"),
                ("cache.t3.micro.", "not a node type"),
            ],
        );
    }
}
