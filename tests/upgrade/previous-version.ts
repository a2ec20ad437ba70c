/** The version that this one must be able to work beside: the last one that was released. Changed with each release (CONTRIBUTING.md). */
export const previousVersion = {
  version: '0.1.0',
  tag: 'v0.1.0',
  /** What the tag stands for, where a clone has the history and not the tags. */
  commit: '9aac8ac8c7fb23ffbd9262a1923345ba8ed2da2b',
} as const
