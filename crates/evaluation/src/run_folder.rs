//! What lies in the folder of a run of training, for those who write it and those who show it.

use std::path::Path;

/// Names of the files of a run.
pub mod run_files {
    /// All settings, as TOML.
    pub const CONFIG: &str = "run.toml";
    /// What the run came to: figures, and queries with their ranked lists. There once the run has ended.
    pub const RESULT: &str = "result.json";
    /// A line for each epoch.
    pub const LOG: &str = "log.csv";
    /// A line for each validation.
    pub const VALIDATION: &str = "validation.csv";
    /// The hardest negatives of each epoch.
    pub const MINED: &str = "mined.json";
    /// The page that tells of the run to people.
    pub const REPORT: &str = "report.html";
}

/// Lines that are read of a log.
const MOST_LINES: usize = 100_000;

/// Whether a folder is that of a run.
pub fn is_run_folder(folder: &Path) -> bool {
    [run_files::CONFIG, run_files::RESULT, run_files::LOG]
        .iter()
        .any(|file| folder.join(file).is_file())
}

/// A log of a run: named columns, cells as they are written. Cells hold no commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunLog {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Cells, line by line; a line may be shorter than there are columns, never longer.
    pub lines: Vec<Vec<String>>,
}

impl RunLog {
    /// Reads the text of a log, whose first line names the columns. Empty lines are passed over, and so are cells beyond
    /// the last column and what follows the 100,000th line.
    pub fn parse(text: &str) -> Self {
        let cells = |line: &str, most: usize| -> Vec<String> {
            let cells = line.split(',').take(most);
            cells.map(|cell| cell.trim().to_owned()).collect()
        };
        let mut lines = text.lines();
        let columns = match lines.next() {
            Some(head) => cells(head, usize::MAX),
            None => return Self::default(),
        };
        let filled = lines.filter(|line| !line.trim().is_empty());
        let lines = filled
            .take(MOST_LINES)
            .map(|line| cells(line, columns.len()));
        Self {
            lines: lines.collect(),
            columns,
        }
    }

    /// The cells of each column, from the first line to the last; `None` where a line is too short.
    pub fn by_column(&self) -> impl Iterator<Item = (&str, Vec<Option<&str>>)> {
        self.columns.iter().enumerate().map(|(at, column)| {
            let cells = self
                .lines
                .iter()
                .map(|line| line.get(at).map(String::as_str));
            (column.as_str(), cells.collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_as_it_is_written() {
        let log = RunLog::parse("epoch, loss,device\n1,0.5,cpu\r\n2,NaN,\n\n3\n4,1,x,beyond\n");
        assert_eq!(log.columns, ["epoch", "loss", "device"]);
        assert_eq!(log.lines[0], ["1", "0.5", "cpu"]);
        assert_eq!(log.lines[1], ["2", "NaN", ""]);
        assert_eq!(log.lines[2], ["3"]);
        assert_eq!(log.lines[3], ["4", "1", "x"]);
        let columns: Vec<_> = log.by_column().collect();
        assert_eq!(columns[1].0, "loss");
        assert_eq!(columns[1].1, [Some("0.5"), Some("NaN"), None, Some("1")]);
        assert_eq!(RunLog::parse(""), RunLog::default());
    }

    #[test]
    fn a_folder_of_a_run_holds_one_of_its_files() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        assert!(!is_run_folder(folder.path()));
        fs_err::write(folder.path().join(run_files::LOG), "epoch\n")?;
        assert!(is_run_folder(folder.path()));
        Ok(())
    }
}
