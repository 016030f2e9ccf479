// Where the provider keeps sessions, grants and tokens: memory, without the default adapter's limit of 1000 entries,
// shared by the provider's instances (a key rotation makes a new one), and open to the admin calls.
const GRANTABLE = new Set(['AccessToken', 'AuthorizationCode', 'DeviceCode', 'RefreshToken']);

export class Store {
  #entries = new Map(); // 'Model:id' -> { model, id, payload, expires }

  /** What oidc-provider asks for: an adapter per model. */
  adapter = (model) => {
    const key = (id) => `${model}:${id}`;
    return {
      upsert: async (id, payload, expiresIn) => {
        const expires = expiresIn ? Date.now() + expiresIn * 1000 : Infinity;
        this.#entries.set(key(id), { model, id, payload, expires });
      },
      find: async (id) => this.#live(key(id))?.payload,
      findByUid: async (uid) => this.#all(model).find(({ payload }) => payload.uid === uid)?.payload,
      findByUserCode: async (userCode) => this.#all(model).find(({ payload }) => payload.userCode === userCode)?.payload,
      consume: async (id) => {
        const entry = this.#live(key(id));
        if (entry) entry.payload.consumed = Math.floor(Date.now() / 1000);
      },
      destroy: async (id) => void this.#entries.delete(key(id)),
      revokeByGrantId: async (grantId) => this.#remove((entry) => GRANTABLE.has(entry.model) && entry.payload.grantId === grantId),
    };
  };

  #live(key) {
    const entry = this.#entries.get(key);
    if (entry && entry.expires > Date.now()) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  #all(model) {
    return [...this.#entries.values()].filter((entry) => entry.model === model && entry.expires > Date.now());
  }

  #remove(doomed) {
    let removed = 0;
    for (const [key, entry] of this.#entries) {
      if (doomed(entry)) {
        this.#entries.delete(key);
        removed += 1;
      }
    }
    return removed;
  }

  /** The grants that people have given, with the number of live tokens of each. */
  sessions({ grant_id: grantId, sub, client_id: clientId } = {}) {
    const tokens = (model, grant) => this.#all(model).filter(({ payload }) => payload.grantId === grant && !payload.consumed).length;
    return this.#all('Grant')
      .map(({ id, payload }) => ({
        grant_id: id,
        sub: payload.accountId,
        client_id: payload.clientId,
        access_tokens: tokens('AccessToken', id),
        refresh_tokens: tokens('RefreshToken', id),
      }))
      .filter((grant) => (!grantId || grant.grant_id === grantId) && (!sub || grant.sub === sub) && (!clientId || grant.client_id === clientId));
  }

  /** Ends them as if the provider had: `kind` is access_token, refresh_token or all. */
  revoke({ kind = 'all', ...filter }) {
    const grants = new Set(this.sessions(filter).map((grant) => grant.grant_id));
    const models = { access_token: ['AccessToken'], refresh_token: ['RefreshToken'], all: [...GRANTABLE, 'Grant'] }[kind];
    if (!models) throw new Error(`unknown kind ${kind}`);
    const removed = this.#remove(({ model, id, payload }) => models.includes(model) && grants.has(model === 'Grant' ? id : payload.grantId));
    return { sessions: grants.size, removed };
  }
}
