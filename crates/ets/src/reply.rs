//! Where results are written.

/// Collects the bytes of a result: in a buffer of the caller's as long as they fit, otherwise on the heap.
///
/// ```
/// use viga_ets::Reply;
/// let mut buffer = [0; 4];
/// let mut reply = Reply::new(&mut buffer);
/// reply.write(b"abc");
/// assert_eq!(reply.bytes(), b"abc");
/// reply.write(b"de");
/// assert_eq!(reply.into_overflow(), Some(b"abcde".to_vec()));
/// ```
#[derive(Debug)]
pub struct Reply<'a> {
    buffer: &'a mut [u8],
    used: usize,
    /// Holds everything as soon as it is not empty.
    overflow: Vec<u8>,
}

impl<'a> Reply<'a> {
    /// An empty reply that may use `buffer`.
    pub fn new(buffer: &'a mut [u8]) -> Reply<'a> {
        Reply {
            buffer,
            used: 0,
            overflow: Vec::new(),
        }
    }

    /// Appends bytes.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        if self.overflow.is_empty() && end <= self.buffer.len() {
            self.buffer[self.used..end].copy_from_slice(bytes);
        } else {
            self.spill(bytes);
        }
        self.used = end;
    }

    #[cold]
    fn spill(&mut self, bytes: &[u8]) {
        if self.overflow.is_empty() {
            self.overflow.extend_from_slice(&self.buffer[..self.used]);
        }
        self.overflow.extend_from_slice(bytes);
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.used
    }

    /// True when nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// What has been written.
    pub fn bytes(&self) -> &[u8] {
        if self.overflow.is_empty() {
            &self.buffer[..self.used]
        } else {
            &self.overflow
        }
    }

    /// Everything written, if the buffer was too small for it.
    pub fn into_overflow(self) -> Option<Vec<u8>> {
        if self.overflow.is_empty() {
            None
        } else {
            Some(self.overflow)
        }
    }
}
