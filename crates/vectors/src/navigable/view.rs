//! What a walk reads: the edges of nodes and their codes.

use crate::distance::prefetch;

/// Where the edges of a node end before there are as many as there may be.
pub(super) const NONE: u32 = u32::MAX;
/// Bytes of a code that are asked for ahead; the processor goes on by itself where more follow.
const AHEAD: usize = 512;

/// Edges and codes, those of a node one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    /// Of each node as many as the degree, little-endian, ended by [`NONE`].
    pub links: &'a [u32],
    pub degree: usize,
    pub codes: &'a [u8],
    /// Bytes from a code to the next.
    pub stride: usize,
    /// Bytes of a code.
    pub code_bytes: usize,
    pub count: usize,
}

impl<'a> View<'a> {
    /// Nodes to which edges lead; all are below the count, whatever the file says.
    #[inline]
    pub fn neighbours(&self, node: u32) -> impl Iterator<Item = u32> + 'a {
        let start = node as usize * self.degree;
        let row = self.links.get(start..start + self.degree);
        let count = self.count;
        let row = row.unwrap_or_default().iter();
        row.map(|&next| u32::from_le(next))
            .take_while(move |&next| (next as usize) < count)
    }

    /// The code of a node.
    #[inline]
    pub fn code(&self, node: u32) -> &'a [u8] {
        let start = node as usize * self.stride;
        let code = self.codes.get(start..start + self.code_bytes);
        code.unwrap_or_default()
    }

    /// The edges of this node are read soon.
    #[inline]
    pub fn expect_links(&self, node: u32) {
        let start = node as usize * self.degree;
        let row = self.links.get(start..start + self.degree);
        prefetch(row.unwrap_or_default());
    }

    /// The code of this node is read soon.
    #[inline]
    pub fn expect_code(&self, node: u32) {
        let code = self.code(node);
        prefetch(&code[..code.len().min(AHEAD)]);
    }
}
