//! Prints the table of requested and found values.

use local::reference::Row;

/// Prints the table. Returns whether all found values match the requested ones.
pub fn print(rows: &[Row]) -> bool {
    println!("      {:<24} {:<58} found", "", "requested");
    for row in rows {
        let (mark, found) = match &row.found {
            Some(found) if row.holds() => ("✓", shorten(found)),
            Some(found) => ("✗", shorten(found)),
            None => ("✗", "nothing".to_owned()),
        };
        println!(
            "    {mark} {:<24} {:<58} {found}",
            row.thing,
            shorten(&row.wanted)
        );
    }
    let differing = rows.iter().filter(|row| !row.holds()).count();
    println!("    {} match, {differing} differ", rows.len() - differing);
    differing == 0
}

/// Cuts a text to the width of a column.
fn shorten(text: &str) -> String {
    const WIDTH: usize = 58;
    if text.chars().count() <= WIDTH {
        return text.to_owned();
    }
    text.chars().take(WIDTH - 1).chain(['…']).collect()
}
