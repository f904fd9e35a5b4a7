import { randomUUID } from "node:crypto";
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A resource as the stand-in's cloud has it. */
export interface CloudRecord {
  /** Such as `aws:iam/role:Role`. */
  readonly type: string;
  readonly id: string;
  /** The resource's name in the program that made it. */
  readonly resource: string;
  /** Everything that the cloud knows of it, secrets in clear: what was asked for and what came of it. */
  readonly properties: Readonly<Record<string, unknown>>;
}

/** The cloud refuses to have two of that name. */
export class RecordExists extends Error {}

/**
 * Resources on disk: a folder a type, a JSON file a resource. Tests read, count, change and remove them there. A file is
 * named by what has to be unique, so that its creation is what decides between two that are made at the same time.
 */
export class CloudRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws RecordExists */
  async add(record: CloudRecord, uniqueName: string = record.id): Promise<void> {
    const draft = await this.#draft(record);
    try {
      await link(draft, this.#file(record.type, uniqueName));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") throw new RecordExists(uniqueName);
      throw error;
    } finally {
      await rm(draft);
    }
  }

  /** Writes a resource over the one of the same id; adds it where there is none. */
  async put(record: CloudRecord): Promise<void> {
    const file = (await this.#find(record.type, record.id))?.file ?? this.#file(record.type, record.id);
    await rename(await this.#draft(record), file);
  }

  async get(type: string, id: string): Promise<CloudRecord | undefined> {
    return (await this.#find(type, id))?.record;
  }

  async remove(type: string, id: string): Promise<void> {
    const found = await this.#find(type, id);
    if (found) await rm(found.file, { force: true });
  }

  /** All resources, or those of a type, by type and id. */
  async list(type?: string): Promise<readonly CloudRecord[]> {
    const folders = type === undefined ? await entriesOf(this.#folder) : [folderName(type)];
    const found = await Promise.all(folders.map((folder) => this.#recordsIn(join(this.#folder, folder))));
    return found.flat().map(({ record }) => record);
  }

  async #find(type: string, id: string) {
    const all = await this.#recordsIn(join(this.#folder, folderName(type)));
    return all.find(({ record }) => record.id === id);
  }

  async #recordsIn(folder: string) {
    const files = (await entriesOf(folder)).filter((file) => file.endsWith(".json")).toSorted();
    const found = await Promise.all(files.map((file) => recordAt(join(folder, file))));
    return found.filter((record) => record !== undefined);
  }

  #file(type: string, uniqueName: string): string {
    return join(this.#folder, folderName(type), `${encodeURIComponent(uniqueName)}.json`);
  }

  async #draft(record: CloudRecord): Promise<string> {
    const folder = join(this.#folder, folderName(record.type));
    await mkdir(folder, { recursive: true });
    const draft = join(folder, `.${randomUUID()}`);
    await writeFile(draft, `${JSON.stringify(record, undefined, 2)}\n`);
    return draft;
  }
}

/** `aws:iam/role:Role` → `aws.iam.Role` */
function folderName(type: string): string {
  const [provider = "", module = "", name = ""] = type.split(":");
  return [provider, module.split("/")[0], name].join(".");
}

async function entriesOf(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).toSorted();
}

async function recordAt(file: string) {
  try {
    return { file, record: JSON.parse(await readFile(file, "utf8")) as CloudRecord };
  } catch (error) {
    // Removed since the folder was listed.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
