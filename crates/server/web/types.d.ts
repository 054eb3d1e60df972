// Shapes of what the server says and of what the page remembers. Nothing of this file is served.

interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** One part of a query: exactly one of `text`, `image`, `upload`. */
interface Part {
  text?: string;
  image?: number;
  upload?: string;
  weight: number;
  region?: Region;
}

type ViewName = 'pictures' | 'map' | 'world' | 'runs';
type MapMethod = 'pca' | 'umap' | 'tsne';
interface Span {
  low: string;
  high: string;
}

/** All that the address of the page holds. */
interface State {
  collection: string;
  view: ViewName;
  parts: Part[];
  /** The condition as typed. */
  where: string;
  /** Values ticked, by key. */
  picked: Record<string, string[]>;
  /** From–to, by key; an empty end is open. */
  spans: Record<string, Span>;
  /** Only these images; empty means all. */
  among: number[];
  channels: string[];
  /** Lowest score shown. */
  min: number | null;
  matches: boolean;
  /** Whether mirror images of the query's pictures are looked for as well. */
  mirrored: boolean;
  /** The image whose details are open. */
  open: number | null;
  method: MapMethod;
  runs: string[];
}

interface Session {
  scope: 'none' | 'read' | 'write';
  token_needed: boolean;
  features: { ingest: boolean; upload: boolean; fetch: boolean; runs: boolean };
}
interface CollectionInfo {
  name: string;
  images: number;
  files: number;
  features: number;
  captions: number;
  segments: number;
  bytes: number;
  channels: string[];
  can_text: boolean;
  can_map: boolean;
  keys: string[];
  /** Why it cannot be read now. */
  problem?: string;
}
interface Picture {
  image: number;
  name: string;
  names: string[];
  path?: string;
  width: number;
  height: number;
  thumbnail: string;
  file: string;
  format?: string;
  features?: number;
  taken?: string;
  camera?: string;
  latitude?: number;
  longitude?: number;
  captions?: string[];
  metadata?: Record<string, unknown>;
}
interface Agreement {
  part: number;
  tentative: number;
  inliers: number;
  log10_nfa: number;
  coverage: number;
  agreeing?: number;
  differing?: number;
  sameness?: number;
  rival?: number;
  mirrored?: boolean;
  transform: number[][];
  outline: number[][] | null;
  gallery_box: Region;
  query_box: Region;
}
interface Share {
  channel: string;
  score: number;
  rank: number;
}
interface Hit extends Picture {
  score: number;
  verdict: 'match' | 'part' | 'no_match';
  rank: number;
  shares: Share[];
  caption?: { id: number; text: string };
  agreement?: Agreement | null;
}
interface Stage {
  stage: string;
  out: number;
  unit: string;
  ms: number;
}
interface Answer {
  hits: Hit[];
  total: number;
  offset: number;
  stages: Stage[];
  ms: number;
  query_size: [number, number];
  notes?: string[];
}
interface Facet {
  key: string;
  kind: 'text' | 'number' | 'date';
  distinct: number;
  values: { value: string; count: number }[];
  min?: string | number;
  max?: string | number;
}
interface Matches {
  query_size: [number, number];
  size: [number, number];
  transform: number[][] | null;
  inliers: number;
  mirrored: boolean;
  pairs: [number, number, number, number][];
  cells: { place: [number, number, number, number]; verdict: 'agrees' | 'differs' }[];
}
interface HeatSide {
  rows: number;
  columns: number;
  values: number[];
}
interface Heat {
  query: HeatSide;
  image: HeatSide;
  similarity: number;
  exact?: boolean;
}
interface Job {
  job: string;
  kind: 'ingest' | 'map';
  collection: string;
  state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
  phase: string;
  done: number;
  total: number;
  seconds: number;
  report?: IngestReport;
  error?: string | { detail?: string; title?: string };
}
interface IngestReport {
  seen: number;
  unchanged: number;
  added: number;
  changed: number;
  moved: number;
  duplicates: number;
  gone: number;
  ignored: number;
  unreadable?: Record<string, number>;
  skipped: { path: string; reason: string }[];
  skipped_count?: number;
  warnings: string[];
  seconds: number;
  images_per_s: number;
}
interface MapAnswer {
  method: MapMethod;
  trustworthiness?: number;
  current?: boolean;
  points: [number, number, number][];
  labels?: string[];
  label_of?: (number | null)[];
}
interface Figure {
  value: number;
  low: number;
  high: number;
}
interface RunSummary {
  name: string;
  kind: string;
  dataset?: string;
  metrics: Record<string, unknown>;
}
interface RunQuery {
  query: string;
  label?: string;
  average_precision: number;
  relevant?: number;
  ranked: { image: string; label?: string; relevant: boolean; score: number }[];
}
interface Run {
  name: string;
  config?: string;
  log: Record<string, number | string | null>[];
  validation: Record<string, number | string | null>[];
  has_report: boolean;
  result: {
    loss?: string;
    dataset?: string;
    protocol?: string;
    epochs?: number;
    seconds?: number;
    device?: string;
    metrics?: Record<string, unknown>;
    precision_recall?: [number, number][];
    queries?: RunQuery[];
    warnings?: string[];
  } | null;
}
