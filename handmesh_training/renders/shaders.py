"""The programs that the graphics driver runs: what ``shading.py`` and ``shadow.py`` compute, in OpenGL's language (GLSL 3.30).

Positions are in the camera's optical frame, metres. Pictures are drawn with their first row at OpenGL's bottom, so that rows are read
back in the order of the rest of the project.
"""

from handmesh_training.renders.shading import FRESNEL, HIGHLIGHT_EXPONENT, NEAR_M, SCATTER
from handmesh_training.renders.shadow import BIAS_M, HALF_EXTENT_M

FAR_M = 50.0

_HEAD = "#version 330\n"

_CAMERA = f"""
uniform mat3 projection;
uniform vec2 size;

vec4 on_screen(vec3 position) {{
    vec3 pixel = projection * position;
    float near = {NEAR_M}, far = {FAR_M};
    float depth = ((far + near) * pixel.z - 2.0 * far * near) / (far - near);
    return vec4(2.0 * pixel.xy / size - pixel.z, depth, pixel.z);
}}
"""

_LIGHT = f"""
uniform vec3 towards;
uniform vec3 radiance;
uniform mat3 light_frame;
uniform vec3 light_centre;
uniform vec4 shadow_tile;  // of the shadow atlas: corner and size, 0..1
uniform float shadow_margin;
uniform sampler2DShadow shadows;

float lit(vec3 position, vec3 normal) {{
    vec3 local = light_frame * (position + 0.002 * normal - light_centre);
    vec2 place = 0.5 * local.xy / {HALF_EXTENT_M} + 0.5;
    if (any(lessThan(place, vec2(shadow_margin))) || any(greaterThan(place, vec2(1.0 - shadow_margin)))) return 1.0;
    float height = local.z + {BIAS_M};
    return texture(shadows, vec3(shadow_tile.xy + shadow_tile.zw * place, 0.5 - 0.5 * height));
}}
"""

_OUTPUT = """
layout(location = 0) out vec4 colour;
layout(location = 1) out vec2 kind;
"""

SHADOW_VERTEX = f"""{_HEAD}
uniform mat3 light_frame;
uniform vec3 light_centre;
in vec3 position;

void main() {{
    vec3 local = light_frame * (position - light_centre);
    // Nearest to the light is what OpenGL calls nearest: heights from -1 to 1 m.
    gl_Position = vec4(local.xy / {HALF_EXTENT_M}, -local.z, 1.0);
}}
"""

SHADOW_FRAGMENT = f"""{_HEAD}
void main() {{}}
"""

HAND_VERTEX = f"""{_HEAD}{_CAMERA}
in vec3 position;
in vec3 normal;
in vec3 ambient;
in vec3 fixed_place;  // u, v, metres along the forearm
out vec3 at;
out vec3 facing;
out vec3 around;
out vec3 place;

void main() {{
    at = position;
    facing = normal;
    around = ambient;
    place = fixed_place;
    gl_Position = on_screen(position);
}}
"""

HAND_FRAGMENT = f"""{_HEAD}{_LIGHT}
uniform sampler2DArray albedo;
uniform sampler2D relief;
uniform vec2 textures;
uniform float blend;
uniform vec3 tint;
uniform float saturation;
uniform float gloss;
uniform float sleeve_from;
uniform vec3 sleeve_colour;
in vec3 at;
in vec3 facing;
in vec3 around;
in vec3 place;
{_OUTPUT}
const vec3 scatter = vec3({SCATTER[0]}, {SCATTER[1]}, {SCATTER[2]});

void main() {{
    float skin = place.z > sleeve_from ? 0.0 : 1.0;
    // The directions in which u and v grow on this triangle, from neighbouring pixels.
    vec3 px = dFdx(at), py = dFdy(at);
    vec2 tx = dFdx(place.xy), ty = dFdy(place.xy);
    float turn = sign(tx.x * ty.y - tx.y * ty.x);
    vec3 along_u = turn * (ty.y * px - tx.y * py), along_v = turn * (tx.x * py - ty.x * px);
    along_u /= max(length(along_u), 1e-20);
    along_v /= max(length(along_v), 1e-20);
    vec2 bump = skin * texture(relief, place.xy).xy;
    vec3 normal = normalize(facing + bump.x * along_u + bump.y * along_v);
    if (dot(normal, at / at.z) > 0.3) normal = -normal;

    vec3 strength = radiance * lit(at, normal);
    float cosine = dot(normal, towards);
    vec3 soft = skin * scatter;
    vec3 diffuse = around + strength * max((cosine + soft) / (1.0 + soft), 0.0);
    vec3 view = -normalize(at);
    float peak = pow(max(dot(normal, normalize(towards + view)), 1e-6), {HIGHLIGHT_EXPONENT});
    float rim = {FRESNEL} + {1 - FRESNEL} * pow(1.0 - clamp(dot(normal, view), 0.0, 1.0), 5.0);
    vec3 shine = peak * strength * 0.25 * (cosine > 0.0 ? 1.0 : 0.0) + rim * around * 0.4;

    vec3 pigment = mix(texture(albedo, vec3(place.xy, textures.x)).rgb, texture(albedo, vec3(place.xy, textures.y)).rgb, blend);
    pigment = max(mix(vec3(dot(pigment, vec3(1.0 / 3.0))), pigment, saturation), 0.0) * tint;
    pigment = mix(sleeve_colour, pigment, skin);
    colour = vec4(pigment * diffuse + gloss * skin * shine, 1.0);
    kind = vec2(1.0, 0.0);
}}
"""

THING_VERTEX = f"""{_HEAD}{_CAMERA}
in vec3 position;
in vec3 normal;
in vec3 pigment;
out vec3 at;
out vec3 facing;
out vec3 own;

void main() {{
    at = position;
    facing = normal;
    own = pigment;
    gl_Position = on_screen(position);
}}
"""

THING_FRAGMENT = f"""{_HEAD}{_LIGHT}
uniform mat4 red, green, blue;
in vec3 at;
in vec3 facing;
in vec3 own;
{_OUTPUT}
void main() {{
    vec3 normal = normalize(facing);
    if (dot(normal, at / at.z) > 0.3) normal = -normal;
    vec4 n = vec4(normal, 1.0);
    vec3 around = max(vec3(dot(n, red * n), dot(n, green * n), dot(n, blue * n)), 0.0);
    vec3 direct = radiance * max(dot(normal, towards), 0.0) * lit(at, normal);
    colour = vec4(own * (around + direct), 1.0);
    kind = vec2(0.0, 1.0);
}}
"""
