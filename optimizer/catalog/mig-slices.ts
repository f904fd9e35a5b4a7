import type { Accelerator, InstanceType, MigDevice, PartialHardware } from "./catalog.ts";

/** How a card is cut. A card has 7 compute slices and 8 memory slices. */
interface MigShape {
  readonly computeSlices: number;
  readonly memorySlices: number;
  readonly perCard: number;
}

const computeSlicesPerCard = 7;
const memorySlicesPerCard = 8;

/** The shapes that cut a whole card into equal slices, on A100 and H100 alike: `1g`, `2g` and `3g`. */
const shapes: readonly MigShape[] = [
  { computeSlices: 1, memorySlices: 1, perCard: 7 },
  { computeSlices: 2, memorySlices: 2, perCard: 3 },
  { computeSlices: 3, memorySlices: 4, perCard: 2 },
];

/**
 * Slices of the named cards by NVIDIA's MIG user guide ("Supported MIG Profiles"), on the instance types that carry the
 * cards: compute in sevenths; memory, and with it bandwidth, in eighths. All cards of a node are cut alike.
 */
export function migSlices(
  cardNames: readonly string[],
  accelerators: readonly Accelerator[],
  instanceTypes: readonly InstanceType[],
): PartialHardware {
  const cut = accelerators
    .filter(({ name }) => cardNames.includes(name))
    .flatMap((card) => shapes.map((shape) => sliceOf(card, shape)));
  return {
    accelerators: cut,
    instanceTypes: cut.flatMap(({ name, device }) =>
      instanceTypes
        .filter(({ accelerator }) => accelerator === device.card)
        .map((type) => ({ ...type, accelerator: name, gpuCount: type.gpuCount * device.perCard })),
    ),
  };
}

function sliceOf(card: Accelerator, shape: MigShape): Accelerator & { readonly device: MigDevice } {
  const computeShare = shape.computeSlices / computeSlicesPerCard;
  const memoryShare = shape.memorySlices / memorySlicesPerCard;
  const memoryGiB = card.memoryGiB * memoryShare;
  const profile = `${shape.computeSlices}g.${Math.round(memoryGiB)}gb`;
  return {
    name: `${card.name}-${profile}`,
    device: { kind: "mig", profile, card: card.name, perCard: shape.perCard },
    memoryGiB,
    memoryBandwidthGBps: card.memoryBandwidthGBps * memoryShare,
    dense16BitTflops: card.dense16BitTflops * computeShare,
    source:
      `${shape.computeSlices}/${computeSlicesPerCard} of the compute and ` +
      `${shape.memorySlices}/${memorySlicesPerCard} of the memory of ${card.name} ` +
      `(NVIDIA MIG user guide, supported profiles); ${card.source}`,
  };
}
