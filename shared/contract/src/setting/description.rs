//! `cache.description`.

use crate::checked::{checked_text, text_without_control_characters};

checked_text!(
    /// A replication group's description.
    Description,
    text_without_control_characters,
    rule "1 to 255 characters, none of them a control character.",
    schema { "minLength": 1, "maxLength": 255, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$" }
);
