/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* __org.cpuctl_get-topology, see cpuctl-qapi.json. */
#include "agent/agent.h"
#include "agent/commands.h"
#include "agent/reply.h"
#include "libcpuctl/cpuctl.h"

DEFINE_CLEANUP(struct cpuctl_state *, cpuctl_state_free);
DEFINE_CLEANUP(struct cpuctl_topology *, cpuctl_topology_free);

static const char *const mask_names[CPUCTL_MASKS] = {
    [CPUCTL_POSSIBLE] = "possible", [CPUCTL_PRESENT] = "present",
    [CPUCTL_ONLINE] = "online",     [CPUCTL_OFFLINE] = "offline",
    [CPUCTL_ISOLATED] = "isolated", [CPUCTL_NOHZ_FULL] = "nohz-full",
};

static const char *const level_names[CPUCTL_LEVELS] = {
    [CPUCTL_CORE] = "core",     [CPUCTL_CLUSTER] = "cluster", [CPUCTL_DIE] = "die",
    [CPUCTL_SOCKET] = "socket", [CPUCTL_BOOK] = "book",       [CPUCTL_DRAWER] = "drawer",
    [CPUCTL_NODE] = "node",
};

static void push_cpu(int *r, struct json_object *list, struct agent *agent,
                     const struct cpuctl_state *state, const struct cpuctl_topology *topology,
                     unsigned int cpu)
{
    int can_offline = cpuctl_can_offline(agent->root, cpu);
    struct json_object *entry;

    if (can_offline < 0)
        return;
    entry = json_object_new_object();
    reply_push(r, list, entry);
    reply_put(r, entry, "logical-id", json_object_new_int64(cpu));
    reply_put(r, entry, "online",
              json_object_new_boolean(cpuctl_set_has(cpuctl_state_get(state, CPUCTL_ONLINE), cpu)));
    reply_put(r, entry, "can-offline", json_object_new_boolean(can_offline > 0));
    for (int level = 0; level < CPUCTL_LEVELS; level++) {
        int index = cpuctl_topology_index(topology, (enum cpuctl_level)level, cpu);

        /* Firmware's numbers need not be unique across sockets: groups are counted instead. */
        if (index >= 0)
            reply_put(r, entry, level_names[level], json_object_new_int64(index));
    }
}

static void put_nonzero(int *r, struct json_object *entry, const char *name, uint64_t value)
{
    if (value > 0)
        reply_put(r, entry, name, json_object_new_uint64(value));
}

static void push_cache(int *r, struct json_object *list, const struct cpuctl_cache *cache)
{
    struct json_object *entry = json_object_new_object();

    reply_push(r, list, entry);
    reply_put_text(r, entry, "name", cache->name);
    reply_put(r, entry, "level", json_object_new_int64(cache->level));
    reply_put_text(r, entry, "type", cache->type);
    put_nonzero(r, entry, "size", cache->size);
    put_nonzero(r, entry, "ways", cache->ways);
    put_nonzero(r, entry, "sets", cache->sets);
    put_nonzero(r, entry, "line-size", cache->line_size);
    reply_put_set(r, entry, "cpus", cache->cpus);
}

static void put_all(int *r, struct json_object *info, struct agent *agent,
                    const struct cpuctl_state *state, const struct cpuctl_topology *topology)
{
    struct json_object *masks = json_object_new_object();
    struct json_object *cpus = json_object_new_array();
    struct json_object *caches = json_object_new_array();

    reply_put(r, info, "masks", masks);
    reply_put(r, info, "cpus", cpus);
    reply_put(r, info, "caches", caches);
    for (int mask = 0; mask < CPUCTL_MASKS; mask++)
        reply_put_set(r, masks, mask_names[mask], cpuctl_state_get(state, (enum cpuctl_mask)mask));
    cpuctl_set_foreach (cpu, cpuctl_state_get(state, CPUCTL_PRESENT))
        push_cpu(r, cpus, agent, state, topology, (unsigned int)cpu);
    for (unsigned int i = 0; i < cpuctl_topology_cache_count(topology); i++)
        push_cache(r, caches, cpuctl_topology_cache(topology, i));
}

void command_get_topology(struct qmp_request *request, struct json_object *arguments)
{
    struct agent *agent = request_agent(request);
    _cleanup_(cpuctl_state_freep) struct cpuctl_state *state = NULL;
    _cleanup_(cpuctl_topology_freep) struct cpuctl_topology *topology = NULL;
    struct cpuctl_error error = { 0 };
    struct json_object *info;
    int r = 0;

    if (!request_takes_nothing(request, arguments))
        return;
    if (cpuctl_state_read(agent->root, &state, &error) < 0 ||
        cpuctl_topology_read(agent->root, state, CPUCTL_TOPOLOGY_CACHES | CPUCTL_TOPOLOGY_CLUSTERS,
                             &topology, &error) < 0) {
        qmp_request_fail(request, "%s", error.text);
        return;
    }
    info = json_object_new_object();
    put_all(&r, info, agent, state, topology);
    reply_send(request, r, info);
}
