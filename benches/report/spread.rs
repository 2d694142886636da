//! Several measurements of the same value: the median and the extremes.

/// A median with the extremes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self { median: at(values.len() / 2), least: at(0), most: at(values.len().saturating_sub(1)) }
    }

    /// `1.31 (1.29–1.33)`; empty when nothing was measured.
    pub(crate) fn text(&self, digits: usize) -> String {
        if self.median.is_nan() {
            return String::new();
        }
        let [median, least, most] = [self.median, self.least, self.most].map(|value| number(value, digits));
        format!("{median} ({least}–{most})")
    }

    /// The median alone.
    pub(crate) fn short(&self, digits: usize) -> String {
        if self.median.is_nan() { String::new() } else { number(self.median, digits) }
    }
}

/// With a comma between thousands.
pub(crate) fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let (whole, part) = text.split_once('.').map_or((text.as_str(), None), |(whole, part)| (whole, Some(part)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    part.map_or(grouped.clone(), |part| format!("{grouped}.{part}"))
}
