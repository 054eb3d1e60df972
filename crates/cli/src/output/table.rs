//! Tables for people: aligned columns, nothing else.

use vizsla_pixels::printable;

/// A table whose columns are as wide as their widest cell.
pub struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table. A head that begins with `>` names a column that is aligned to the right.
    pub fn new(heads: &[&'static str]) -> Self {
        Self {
            heads: heads.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells are empty, cells beyond the heads are dropped.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells
            .into_iter()
            .map(|cell| printable(&cell).into_owned())
            .collect();
        row.resize(self.heads.len(), String::new());
        self.rows.push(row);
    }

    /// The table as text, each line ended.
    pub fn render(&self) -> String {
        let heads: Vec<&str> = self
            .heads
            .iter()
            .map(|head| head.trim_start_matches('>'))
            .collect();
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells
                .chain([heads[column].chars().count()])
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..heads.len()).map(width).collect();
        let mut text = String::new();
        self.line(&mut text, &widths, &heads);
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            self.line(&mut text, &widths, &cells);
        }
        text
    }

    fn line(&self, text: &mut String, widths: &[usize], cells: &[&str]) {
        let mut line = String::new();
        for ((&width, &cell), head) in widths.iter().zip(cells).zip(&self.heads) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            if head.starts_with('>') {
                line.push_str(&format!("{cell:>width$}"));
            } else {
                line.push_str(&format!("{cell:width$}"));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&[">rank", "path", ">score"]);
        table.row(["1".into(), "a.jpg".into(), "12.5".into()]);
        table.row(["10".into(), "holiday/b.jpg".into(), "0.3".into()]);
        assert_eq!(
            table.render(),
            "rank  path           score\n   1  a.jpg           12.5\n  10  holiday/b.jpg    0.3\n"
        );
    }

    #[test]
    fn a_line_break_in_a_name_does_not_break_the_row() {
        let mut table = Table::new(&["path", "why"]);
        table.row(["a\nb.jpg".into()]);
        assert_eq!(table.render().lines().count(), 2);
    }
}
