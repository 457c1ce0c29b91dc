import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { parentOf as parentIn } from '../../src/authorization/rules/ownership.ts';
import { getDatamodel } from '../../src/database/generated/pothos.ts';
import type { Model } from '../../src/policy/models.ts';
import { ownership } from '../../src/policy/ownership.ts';
import { modelDelegate, policy } from '../../src/policy/policy.ts';
import type { TestServer } from '../test-server.ts';
import type { Row, Subject } from './personas.ts';

/** Models of the ownership table whose rows are created in another way. */
const specialModels: readonly Model[] = ['RoleGrant', 'Token', 'TokenRevocation', 'FieldRead', 'AuditEvent'];

/** The models whose rows belong to a user and need nothing but a value in every required column, parents first. */
export const ownedModels: readonly Model[] = (Object.keys(ownership) as Model[])
  .filter((model) => !specialModels.includes(model) && pathToUser(model).at(-1) === 'User' && model !== 'User')
  .toSorted((a, b) => pathToUser(a).length - pathToUser(b).length);

/** Creates a row of an owned model for a user, and its parents unless `ids` has them; adds what it creates to `ids`. */
export async function createOwned(
  prisma: TestServer['db']['prisma'],
  model: Model,
  kind: Subject,
  ids: Partial<Record<Model, string>>,
): Promise<Row> {
  const parent = parentOf(model);
  if (!parent || !ownedModels.includes(model)) throw new Error(`${model} needs its own rows in test/matrix/seed.ts`);
  if (!ids[parent.model]) await createOwned(prisma, parent.model, kind, ids);
  const parentId = ids[parent.model] ?? '';
  const delegate = modelDelegate(prisma, model) as unknown as { create(row: object): Promise<{ id: string }> };
  const { id } = await delegate.create({ data: { ...sampleColumns(model), [parent.column]: parentId } });
  ids[model] = id;
  const shows = { user: { type: 'User', kind } };
  return { type: model, kind, id: encodeGlobalID(model, id), owner: encodeGlobalID(parent.model, parentId), shows };
}

/** The model that the rows of a model belong to, and the column with its id. */
function parentOf(model: Model): { readonly model: Model; readonly column: string } | undefined {
  return parentIn(policy.ownership, model) as { model: Model; column: string } | undefined;
}

function pathToUser(model: Model): Model[] {
  const parent = parentOf(model);
  return parent ? [model, ...pathToUser(parent.model)] : [model];
}

/** A value for every column without a default. Columns that may be null are filled as well, so that no field of the type is empty. */
function sampleColumns(model: Model): Record<string, unknown> {
  const fields = getDatamodel().datamodel.models[model]?.fields ?? [];
  const columns = fields.filter(({ kind, isId, isUpdatedAt, hasDefaultValue, name }) => {
    const isForeignKey = fields.some((field) => field.relationFromFields?.includes(name));
    return kind === 'scalar' && !isId && !isUpdatedAt && !hasDefaultValue && !isForeignKey;
  });
  return Object.fromEntries(columns.map(({ name, type }) => [name, sampleValue(type)]));
}

function sampleValue(type: string): unknown {
  const samples: Record<string, unknown> = { String: randomUUID(), Boolean: true, Int: 1, DateTime: new Date() };
  if (!(type in samples)) throw new Error(`There is no sample of ${type}`);
  return samples[type];
}
