//! Means of measurements.

/// Returns the mean, or 0 without values.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.iter().sum::<f64>() / number(values.len())
}

/// Returns a count as a floating-point number.
pub fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::mean;

    #[test]
    fn mean_is_zero_without_values() {
        assert_eq!(mean(&[]).to_string(), "0");
        assert_eq!(mean(&[1.0, 2.0, 6.0]).to_string(), "3");
    }
}
