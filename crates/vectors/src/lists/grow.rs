//! Adding vectors to lists.

use rayon::prelude::*;

use super::VectorLists;
use crate::kmeans::group;
use crate::points::{MOST_POINTS, count_points, in_range};
use crate::{Error, Metric};

impl VectorLists {
    /// Adds vectors, rows of [`VectorLists::dimension`] numbers, with their ids, which ascend and are above all that are there. Lists of an
    /// opened file that grow are brought into memory. Works in the current rayon pool.
    ///
    /// # Errors
    /// The rows are not whole rows of finite numbers or not as many as ids, or ids do not ascend. Then nothing was added.
    pub fn extend(&mut self, ids: &[i64], rows: &[f32]) -> Result<(), Error> {
        let dimension = self.dimension();
        let count = count_points(rows, dimension)?;
        in_range("the number of ids", ids.len(), count, count)?;
        in_range("the number of vectors", self.count + count, 0, MOST_POINTS)?;
        let before = (self.count > 0).then_some(self.last_id);
        let mut last = before;
        for (row, &id) in ids.iter().enumerate() {
            if last.is_some_and(|last| id <= last) {
                return Err(Error::UnknownRow {
                    row,
                    rows: ids.len(),
                });
            }
            last = Some(id);
        }
        let mut prepared = Vec::new();
        let rows = match self.metric {
            Metric::Cosine => {
                for row in rows.chunks_exact(dimension) {
                    prepared.extend_from_slice(&self.metric.prepared(row));
                }
                &prepared
            }
            Metric::Dot | Metric::L2 => rows,
        };
        self.fill(ids, rows);
        self.count += count;
        self.last_id = last.unwrap_or(0);
        self.places.take();
        Ok(())
    }

    fn fill(&mut self, ids: &[i64], rows: &[f32]) {
        let dimension = self.dimension();
        let (order, starts) = group(&self.coarse.assign(rows), self.lists.len());
        let (coarse, coding) = (&self.coarse, &self.coding);
        let map = self.file.as_ref().map(|file| &file.map);
        let parts = starts.par_windows(2).enumerate();
        let lists = self.lists.par_iter_mut().zip(parts);
        lists.for_each(|(list, (number, part))| {
            let chosen = &order[part[0]..part[1]];
            if chosen.is_empty() {
                return;
            }
            let first = list.ids.read(map).len() / 8;
            let count = first + chosen.len();
            let places = list.ids.grown(8 * count, map)[8 * first..]
                .as_chunks_mut()
                .0;
            for (place, &row) in places.iter_mut().zip(chosen) {
                *place = ids[row as usize].to_le_bytes();
            }
            let mut chosen = chosen
                .iter()
                .map(|&row| &rows[row as usize * dimension..][..dimension]);
            let codes = list.codes.grown(coding.bytes(count), map);
            coding.write(coarse.centroid(number), &mut chosen, first, codes);
        });
    }
}
